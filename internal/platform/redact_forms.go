package platform

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

// form is one form of a secret.
type form struct {
	text  string
	bytes []byte // text
	// encoded: in base64 or hexadecimal, which tools break into lines.
	encoded bool
	// before and after say that the letters of base64 beside it hold bits of the secret too.
	base64, before, after bool
}

// Forms are secrets as they are and in the encodings that stand for nothing else,
// for who can only look for fixed texts, such as GitHub's runner.
func Forms(secrets []string) (out []string) {
	for _, p := range formsOf(secrets) {
		if !p.encoded || len(p.text) >= 8 {
			out = append(out, p.text)
		}
	}
	return out
}

func formsOf(secrets []string) (all []form) {
	seen := map[string]bool{}
	add := func(p form) {
		if !seen[p.text] {
			seen[p.text], p.bytes = true, []byte(p.text)
			all = append(all, p)
		}
	}
	for _, s := range secrets {
		add(form{text: s})
		if strings.Contains(s, " ") {
			add(form{text: strings.ReplaceAll(s, " ", "+")}) // of a query
		}
		lower := hex.EncodeToString([]byte(s))
		add(form{text: lower, encoded: true})
		add(form{text: strings.ToUpper(lower), encoded: true})
		for offset := range 3 {
			for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				add(within(encoding, s, offset))
			}
		}
	}
	return all
}

// within is what of the base64 of a longer text comes from a secret alone that
// begins at a byte with this rest by three.
func within(encoding *base64.Encoding, secret string, offset int) form {
	text := encoding.EncodeToString(append(make([]byte, offset), secret...))
	bits := 8 * (offset + len(secret))
	return form{
		text:    text[(8*offset+5)/6 : bits/6],
		encoded: true, base64: true, before: offset > 0, after: bits%6 != 0,
	}
}

// reading is a text with what was escaped in it, and where that comes from.
type reading struct {
	text     []byte
	from, to []int // of each byte, in the text that was read
	joined   bool  // without white space
}

// most readings of a text: what is escaped may be escaped once more.
const most = 12

// readings are a text as it is, and with its escapes undone, up to three times over.
func readings(text string) []reading {
	plain := reading{text: []byte(text), from: make([]int, len(text)), to: make([]int, len(text))}
	for i := range plain.text {
		plain.from[i], plain.to[i] = i, i+1
	}
	all := []reading{plain}
	for i := 0; i < len(all) && len(all) < most; i++ {
		for _, decode := range []func([]byte, int) ([]byte, int){percent, escape} {
			if next, changed := all[i].decoded(decode); changed {
				all = append(all, next)
			}
		}
	}
	for _, r := range all[:len(all):len(all)] {
		if bytes.ContainsAny(r.text, whiteSpace) {
			all = append(all, r.joinedUp())
		}
	}
	return all
}

// decoded is a reading in which decode is applied wherever it finds something; it
// returns how many bytes it took, 0 for none.
func (r reading) decoded(decode func([]byte, int) ([]byte, int)) (out reading, changed bool) {
	for i := 0; i < len(r.text); {
		read, took := decode(r.text, i)
		if took == 0 {
			read, took = r.text[i:i+1], 1
		} else {
			changed = true
		}
		for _, b := range read {
			out.text, out.from, out.to = append(out.text, b), append(out.from, r.from[i]), append(out.to, r.to[i+took-1])
		}
		i += took
	}
	return out, changed
}

const whiteSpace = " \t\r\n"

// joinedUp is a reading without white space.
func (r reading) joinedUp() (out reading) {
	out.joined = true
	for i, b := range r.text {
		if strings.IndexByte(whiteSpace, b) < 0 {
			out.text, out.from, out.to = append(out.text, b), append(out.from, r.from[i]), append(out.to, r.to[i])
		}
	}
	return out
}

// percent reads %2F.
func percent(text []byte, i int) ([]byte, int) {
	if text[i] != '%' || i+2 >= len(text) {
		return nil, 0
	}
	var b [1]byte
	if _, err := hex.Decode(b[:], text[i+1:i+3]); err != nil {
		return nil, 0
	}
	return b[:], 3
}

// escape reads what JSON, and languages like it, write with a backslash.
func escape(text []byte, i int) ([]byte, int) {
	if text[i] != '\\' || i+1 >= len(text) {
		return nil, 0
	}
	switch c := text[i+1]; c {
	case '"', '\\', '/', '\'':
		return []byte{c}, 2
	case 'n', 't', 'r', 'b', 'f', 'v', 'a', '0', 'e':
		return []byte{"\n\t\r\b\f\v\a\x00\x1b"[strings.IndexByte("ntrbfva0e", c)]}, 2
	case 'x':
		var b [1]byte
		if i+3 < len(text) {
			if _, err := hex.Decode(b[:], text[i+2:i+4]); err == nil {
				return b[:], 4
			}
		}
	case 'u':
		return unicodeEscape(text, i)
	case 'U':
		var b [4]byte
		if i+9 < len(text) {
			if _, err := hex.Decode(b[:], text[i+2:i+10]); err == nil {
				return []byte(string(rune(binary.BigEndian.Uint32(b[:])))), 10
			}
		}
	}
	return nil, 0
}

// unicodeEscape reads \u00e9, and pairs of them for what is beyond.
func unicodeEscape(text []byte, i int) ([]byte, int) {
	high, ok := codeUnit(text, i)
	if !ok {
		return nil, 0
	}
	if low, ok := codeUnit(text, i+6); ok && 0xd800 <= high && high < 0xdc00 && 0xdc00 <= low && low < 0xe000 {
		return []byte(string((high-0xd800)<<10 | (low - 0xdc00) + 0x10000)), 12
	}
	return []byte(string(high)), 6
}

func codeUnit(text []byte, i int) (rune, bool) {
	var b [2]byte
	if i+5 >= len(text) || text[i] != '\\' || text[i+1] != 'u' {
		return 0, false
	}
	if _, err := hex.Decode(b[:], text[i+2:i+6]); err != nil {
		return 0, false
	}
	return rune(b[0])<<8 | rune(b[1]), true
}

// spans are the places of a form, in the text that was read.
func (r reading) spans(p form) (out []span) {
	for at := 0; ; {
		i := bytes.Index(r.text[at:], p.bytes)
		if i < 0 || len(p.bytes) == 0 {
			return out
		}
		from, to := at+i, at+i+len(p.text)
		at = from + 1
		if p.base64 {
			from, to = r.widened(p, from, to)
		}
		out = append(out, span{r.from[from], slices.Max(r.to[from:to])})
	}
}

// widened takes in the letters beside a piece of base64 that hold bits of it, and its padding.
func (r reading) widened(p form, from, to int) (int, int) {
	if p.before && from > 0 && isBase64(r.text[from-1]) {
		from--
	}
	if p.after && to < len(r.text) && isBase64(r.text[to]) {
		to++
	}
	for n := 0; n < 2 && to < len(r.text) && r.text[to] == '='; n++ {
		to++
	}
	return from, to
}

func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("+/-_", c) >= 0
}
