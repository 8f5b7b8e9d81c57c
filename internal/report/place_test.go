package report_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/report"
)

// What the tools of the sample wrote about a mistake, and where it is.
var placed = []struct {
	name, output string
	want         []report.Place
}{
	{"tsc", "services/api-gateway/src/main.ts(12,5): error TS2322: Type 'string' is not assignable to type 'number'.\n", []report.Place{
		{"services/api-gateway/src/main.ts", 12, 5, "TS2322: Type 'string' is not assignable to type 'number'."},
	}},
	{"tsc at a terminal", "src/main.ts:3:14 - error TS2304: Cannot find name 'x'.\n\n3 const y = x;\n               ~\n", []report.Place{
		{"src/main.ts", 3, 14, "TS2304: Cannot find name 'x'."},
	}},
	{"eslint", "\n/work/services/q2q-ai/src/main.ts\n   7:1   warning  Unexpected console statement   no-console\n  12:10  error    'used' is assigned a value but never used  @typescript-eslint/no-unused-vars\n\n/work/e2e/test/flow.test.ts\n  1:1  error  Parsing error: ';' expected\n\n✖ 3 problems (2 errors, 1 warning)\n", []report.Place{
		{"services/q2q-ai/src/main.ts", 12, 10, "'used' is assigned a value but never used  @typescript-eslint/no-unused-vars"},
		{"e2e/test/flow.test.ts", 1, 1, "Parsing error: ';' expected"},
	}},
	{"vitest", "\n⎯⎯⎯ Failed Tests 2 ⎯⎯⎯\n\n FAIL  services/journey/test/journey.test.ts > a journey > begins\nAssertionError: expected 200 to be 201 // Object.is equality\n\n- Expected\n+ Received\n\n- 201\n+ 200\n\n" +
		" ❯ services/journey/test/journey.test.ts:31:27\n     29|\n     30|   const a = 1\n\n FAIL  packages/kit/test/kit.test.ts > waits\nError: it took too long\n ❯ Module.wait packages/kit/src/wait.ts:9:11\n ❯ packages/kit/test/kit.test.ts:5:3\n", []report.Place{
		{"services/journey/test/journey.test.ts", 31, 27, "services/journey/test/journey.test.ts > a journey > begins: AssertionError: expected 200 to be 201 // Object.is equality"},
		{"packages/kit/src/wait.ts", 9, 11, "packages/kit/test/kit.test.ts > waits: Error: it took too long"},
	}},
	{"said twice", "a.ts(1,1): error TS1: x\na.ts(1,1): error TS1: x\n", []report.Place{{"a.ts", 1, 1, "TS1: x"}}},
	{"of others", "/usr/lib/node.ts(1,1): error TS1: x\n../other/a.ts(1,1): error TS1: x\nnode_modules/a/b.ts(1,1): error TS1: x\n", nil},
	{"no place", "listening on 127.0.0.1:3017\n  12:5 error without a file\n ❯ src/a.ts:1:1\n", nil},
	{"Windows lines", "a.ts(1,2): error TS1: x\r\n", []report.Place{{"a.ts", 1, 2, "TS1: x"}}},
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, tt := range placed {
		if got := report.Places(tt.output, "/work"); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	many := strings.Repeat("a", 3)
	var output strings.Builder
	for i := range 40 {
		output.WriteString(many + strings.Repeat("b", i) + ".ts(1,1): error TS1: x\n")
	}
	if got := report.Places(output.String(), "/"); len(got) != report.MostPlaces {
		t.Errorf("%d places", len(got))
	}
}

// Whatever a check writes, a place is one within the sources.
func FuzzPlaces(f *testing.F) {
	for _, tt := range placed {
		f.Add(tt.output)
	}
	f.Fuzz(func(t *testing.T, output string) {
		for _, p := range report.Places(output, "/work") {
			if p.Line < 1 || p.Column < 0 || path.IsAbs(p.File) || strings.HasPrefix(path.Clean(p.File), "../") || strings.ContainsAny(p.File+p.Text, "\n") {
				t.Errorf("%+v of %q", p, output)
			}
		}
	})
}
