// Package browser is a headless Chromium for tests: what a page looks like, and
// what it asks the network for.
package browser

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// Program is where Debian's package chromium has it; `testenv up` installs that.
const Program = "/usr/bin/chromium"

// Browser is one that runs. It is spoken to through pipes, in the words of Chrome's
// DevTools protocol (chromedevtools.github.io/devtools-protocol), one at a time.
type Browser struct {
	cmd      *exec.Cmd
	in       *os.File
	out      *bufio.Reader
	session  string
	number   int
	requests []string
}

// Open starts a browser with one empty page, of its own in a folder that is given.
func Open(folder string) (*Browser, error) {
	theirs, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// The sandbox of Chromium does not let root in.
	//nolint:noctx // it ends with its pipe, which Close closes
	cmd := exec.Command(Program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
		"--hide-scrollbars", "--no-first-run", "--user-data-dir="+folder, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirs, ours} // 3, which it reads, and 4
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Chromium: %w; `testenv up` installs it", err)
	}
	theirs.Close()
	ours.Close()
	b := &Browser{cmd: cmd, in: in, out: bufio.NewReader(out)}
	return b, errors.Join(b.attach(), b.do("Page.enable", nil, nil), b.do("Network.enable", nil, nil))
}

// Close ends the browser.
func (b *Browser) Close() error {
	_ = b.in.Close() // it ends with its pipe
	return b.cmd.Wait()
}

func (b *Browser) attach() error {
	var made struct{ TargetID string }
	if err := b.do("Target.createTarget", map[string]any{"url": "about:blank"}, &made); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	err := b.do("Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	return err
}

// message of the protocol, in either direction.
type message struct {
	ID      int                       `json:"id,omitempty"`
	Session string                    `json:"sessionId,omitempty"`
	Method  string                    `json:"method,omitempty"`
	Params  any                       `json:"params,omitempty"`
	Result  json.RawMessage           `json:"result,omitempty"`
	Error   *struct{ Message string } `json:"error,omitempty"`
}

// do sends a command and waits for its answer.
func (b *Browser) do(method string, params, result any) error {
	b.number++
	data, err := json.Marshal(message{ID: b.number, Session: b.session, Method: method, Params: params})
	if err != nil {
		return err
	}
	if _, err := b.in.Write(append(data, 0)); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	for {
		m, err := b.next()
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", method, err)
		case m.ID != b.number:
			continue
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		}
		return nil
	}
}

// next is the next message; what a page asks the network for is noted.
func (b *Browser) next() (*message, error) {
	data, err := b.out.ReadBytes(0)
	if err != nil {
		return nil, err
	}
	var m message
	var sent struct {
		Params struct{ Request struct{ URL string } }
	}
	if err := errors.Join(json.Unmarshal(data[:len(data)-1], &m), json.Unmarshal(data[:len(data)-1], &sent)); err != nil {
		return nil, err
	}
	if m.Method == "Network.requestWillBeSent" {
		b.requests = append(b.requests, sent.Params.Request.URL)
	}
	return &m, nil
}

// Show opens a page in a scheme of colours, light or dark, and waits until it is
// there. It returns what was asked for on the way.
func (b *Browser) Show(url, scheme string, width, height int) (requests []string, err error) {
	b.requests = nil
	err = errors.Join(
		b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil),
		b.do("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}}}, nil),
		b.do("Page.navigate", map[string]string{"url": url}, nil),
	)
	for err == nil {
		var m *message
		if m, err = b.next(); err == nil && m.Method == "Page.loadEventFired" {
			break
		}
	}
	return b.requests, err
}

// Ask evaluates an expression in the page.
func (b *Browser) Ask(expression string, into any) error {
	var answer struct {
		Result    struct{ Value json.RawMessage }
		Exception *struct{ Text string } `json:"exceptionDetails"`
	}
	if err := b.do("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &answer); err != nil {
		return err
	}
	if answer.Exception != nil {
		return errors.New("ask the page " + strconv.Quote(expression) + ": " + answer.Exception.Text)
	}
	return json.Unmarshal(answer.Result.Value, into)
}

// Picture is what of the page is seen, as PNG.
func (b *Browser) Picture() ([]byte, error) {
	var shot struct{ Data string }
	if err := b.do("Page.captureScreenshot", map[string]any{"format": "png"}, &shot); err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(shot.Data)
}
