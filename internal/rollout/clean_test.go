package rollout

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "listening on 3017", "listening on 3017"},
		{"colour", "\x1b[31mred\x1b[0m", "red"},
		{"window title", "\x1b]0;owned\x07text", "text"},
		{"unfinished sequence", "text\x1b[31", "text"},
		{"carriage return", "good\rbad", "good bad"},
		{"null and bell", "a\x00b\x07c", "abc"},
		{"right to left", "user\u202etxt.exe", "usertxt.exe"},
		{"zero width", "a\u200bb", "ab"},
		{"broken UTF-8", "a\xff\xfeb", "ab"},
		{"runner command inside", "x ##[error]y", "x ## [error]y"},
		{"umlaut", "größer", "größer"},
		{"long", strings.Repeat("x", 600), strings.Repeat("x", 500) + " …"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Clean(tt.in); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestCleanLinesKeepsTheLast(t *testing.T) {
	got := CleanLines([]byte(strings.Repeat("first\n", 30) + "last\n\n"))
	if len(got) != maxLines || got[maxLines-1] != "last" {
		t.Errorf("got %d lines, ending in %q", len(got), got[len(got)-1])
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m ##[error]")
	f.Add("\x1b]8;;http://x\x1b\\link")
	f.Add("##\x00[set]")
	f.Fuzz(func(t *testing.T, in string) {
		out := Clean(in)
		if !utf8.ValidString(out) || utf8.RuneCountInString(out) > 2*maxLine {
			t.Fatalf("Clean(%q) = %q", in, out)
		}
		for _, r := range out {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("Clean(%q) kept %U", in, r)
			}
		}
		if strings.Contains(out, "##[") || strings.Contains(out, "\n") {
			t.Fatalf("Clean(%q) = %q", in, out)
		}
	})
}
