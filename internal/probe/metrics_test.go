package probe

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/platform"
)

func limits() platform.Metrics {
	share := 0.05
	return platform.Metrics{
		MostErrors: &share, MostLatency: platform.Duration{Duration: time.Second}, Times: 2, Least: 20,
		Requests: "hits", Errors: "misses", Seconds: "took", Select: `namespace="${namespace}",service="${service}"`,
	}
}

func TestReadCounts(t *testing.T) {
	text := `# HELP hits Requests answered.
# TYPE hits counter
hits{status="200"} 40
hits{status="500"} 2
# TYPE misses counter
misses 2
untyped_thing 7
# TYPE odd counter
odd NaN
odd{a="b"} +Inf
odd{a="c"} -3
odd{a="d"} 5
`
	for _, tt := range []struct {
		requests, errors string
		want             Counts
	}{
		{"hits", "misses", Counts{42, 2}}, {"hits", "none", Counts{42, 0}}, {"untyped_thing", "odd", Counts{7, 5}},
	} {
		got, err := ReadCounts([]byte(text), tt.requests, tt.errors)
		if err != nil || got != tt.want {
			t.Errorf("%s, %s: %+v %v", tt.requests, tt.errors, got, err)
		}
	}
	if _, err := ReadCounts([]byte("<html>not metrics</html>\n"), "a", "b"); err == nil || !strings.Contains(err.Error(), "read metrics") {
		t.Errorf("a page: %v", err)
	}
}

// A hostile pod may say anything: what comes out are numbers that count.
func FuzzReadCounts(f *testing.F) {
	f.Add("# TYPE hits counter\nhits{a=\"b\"} 4\nmisses 1\n")
	f.Add("hits -1\nhits NaN\nmisses +Inf")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadCounts([]byte(text), "hits", "misses")
		if err == nil && (!(c.Requests >= 0) || !(c.Errors >= 0)) {
			t.Errorf("%+v", c)
		}
		_ = c.TooMany(limits())
	})
}

func TestTooMany(t *testing.T) {
	for _, tt := range []struct {
		earlier, now Counts
		want         string
	}{
		{Counts{}, Counts{100, 5}, ""},
		{Counts{}, Counts{100, 6}, "6 of 100 requests failed (6 %), and 5 % is the most"},
		{Counts{}, Counts{19, 19}, ""}, // too few
		{Counts{1000, 500}, Counts{1100, 501}, ""},
		{Counts{1000, 500}, Counts{1040, 520}, "20 of 40 requests failed (50 %), and 5 % is the most"},
		{Counts{1000, 0}, Counts{30, 3}, "3 of 30 requests failed (10 %), and 5 % is the most"}, // it began again
		{Counts{}, Counts{}, ""},
	} {
		if got := tt.now.Since(tt.earlier).TooMany(limits()); got != tt.want {
			t.Errorf("%v after %v: %q", tt.now, tt.earlier, got)
		}
	}
}

func TestJudge(t *testing.T) {
	past := func(v float64) *float64 { return &v }
	for _, tt := range []struct {
		name string
		m    Measure
		want Result
		kind string
	}{
		{"as before", Measure{Errors: 0.01, Latency: 0.2, PastErrors: past(0.01), PastLatency: past(0.2)}, Pass, ""},
		{"ten times slower, and still fast", Measure{Latency: 0.2, PastLatency: past(0.02)}, Pass, ""},
		{"too slow, with no past", Measure{Latency: 1.2}, Fail, "latency"},
		{"slow, as ever", Measure{Latency: 3, PastLatency: past(2)}, Pass, ""},
		{"slow, and slower than ever", Measure{Latency: 5, PastLatency: past(2)}, Fail, "latency"},
		{"fails, as ever", Measure{Errors: 0.15, PastErrors: past(0.1)}, Pass, ""},
		{"fails, and more than ever", Measure{Errors: 0.25, PastErrors: past(0.1)}, Fail, "errors"},
		{"no latency known", Measure{}, Pass, ""},
	} {
		got := Analysis{Metrics: limits()}.judge(tt.m)
		if got.Result != tt.want || got.Kind != tt.kind || (got.Result == Fail) != (got.Reason != "") {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Names in a selector stay inside of their quotes.
func TestSelectorQuotes(t *testing.T) {
	got := Analysis{Namespace: `a"b`, Metrics: limits()}.selector(`x"} or vector(1) #` + "\n")
	if want := `namespace="a\"b",service="x\"} or vector(1) #\n"`; got != want {
		t.Errorf("got %s", got)
	}
}
