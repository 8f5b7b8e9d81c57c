package report

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/teei/slipway/testenv/browser"
)

// contrast is the worst of a page's texts with what is behind them (WCAG 2.2, 1.4.3),
// with the text it is of.
const contrast = `(() => {
  const rgb = c => c.match(/[\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = rgb(c).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if ((rgb(c)[3] ?? 1) > 0) return c } return 'rgb(255, 255, 255)' };
  let worst = {Ratio: 21, Text: ''};
  for (const e of document.body.querySelectorAll('*')) {
    const text = [...e.childNodes].filter(n => n.nodeType == 3).map(n => n.data.trim()).join('');
    if (!text || !e.checkVisibility() || e.closest('svg')) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst.Ratio) worst = {Ratio: ratio, Text: text};
  }
  return worst;
})()`

// A page is looked at as people do: light and dark, each text to be read, nothing
// wider than the window, and nothing asked of any network. SLIPWAY_PICTURE is the
// folder for the pictures of the documentation.
func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := browser.Open(filepath.Join(dir, "profile"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	fastest := map[string]float64{"report": math.Inf(1), "large": math.Inf(1)}
	for name, n := range map[string]int{"report": 11, "large": 200} {
		file := filepath.Join(dir, name+".html")
		if err := pageOf(n, "").WriteFile(file); err != nil {
			t.Fatal(err)
		}
		for scheme, background := range map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"} {
			requests, err := b.Show("file://"+file, scheme, 1000, 2000)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(requests, []string{"file://" + file}) {
				t.Errorf("%s asks for %v", name, requests)
			}
			var seen struct {
				Background    string
				Bars          int
				Width, Window int
				Loaded        float64
				Contrast      struct {
					Ratio float64
					Text  string
				}
			}
			err = b.Ask(`({Background: getComputedStyle(document.body).backgroundColor, Bars: document.querySelectorAll("rect").length,
				Width: document.documentElement.scrollWidth, Window: window.innerWidth,
				Loaded: performance.getEntriesByType("navigation")[0].loadEventEnd, Contrast: `+contrast+`})`, &seen)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s, %s: there after %.0f ms; the worst contrast is %.1f", name, scheme, seen.Loaded, seen.Contrast.Ratio)
			if seen.Background != background || seen.Bars != n || seen.Width > seen.Window {
				t.Errorf("%s, %s: %+v", name, scheme, seen)
			}
			fastest[name] = min(fastest[name], seen.Loaded)
			if seen.Contrast.Ratio < 4.5 {
				t.Errorf("%s, %s: %q is hard to read: %.1f", name, scheme, seen.Contrast.Text, seen.Contrast.Ratio)
			}
			picture(t, b, name, scheme)
		}
	}
	if fastest["large"] > 1000 { // of two, as the machine may be busy
		t.Errorf("200 services are there after %.0f ms", fastest["large"])
	}
}

func picture(t *testing.T, b *browser.Browser, name, scheme string) {
	t.Helper()
	shot, err := b.Picture()
	if err != nil || len(shot) < 10<<10 {
		t.Fatalf("%d bytes, %v", len(shot), err)
	}
	folder := os.Getenv("SLIPWAY_PICTURE")
	if folder == "" || name != "report" {
		return
	}
	file := map[string]string{"light": "report.png", "dark": "report-dark.png"}[scheme]
	if err := os.WriteFile(filepath.Join(folder, file), shot, 0o644); err != nil {
		t.Fatal(err)
	}
}
