package kube

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What is kept of one line of a log: a longer one is cut in its middle, and no line
// hides those behind it.
const (
	lineHead = 1 << 20
	lineTail = 64 << 10
	lineCut  = " … "
	lineEnd  = " …"
)

// EachLine reads the log of a container as it comes and hands over line by line,
// without its end; whole is false for a last line that has none yet. However long the
// log is, only one line of it is held. Of the options, Bytes is not looked at, and
// Lines are all where none are given.
func (c *Cluster) EachLine(ctx context.Context, namespace, pod string, o LogOptions, each func(line []byte, whole bool)) error {
	query := url.Values{}
	if o.Lines > 0 {
		query.Set("tailLines", strconv.Itoa(o.Lines))
	}
	if o.Container != "" {
		query.Set("container", o.Container)
	}
	if !o.Since.IsZero() {
		query.Set("sinceTime", o.Since.UTC().Format(time.RFC3339))
	}
	if o.Previous {
		query.Set("previous", "true")
	}
	failed := func(err error) error { return fmt.Errorf("read log of %s/%s: %w", namespace, pod, err) }
	path := "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods/" + url.PathEscape(pod) + "/log?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.Server, "/")+path, nil)
	if err != nil {
		return failed(err)
	}
	var response *http.Response
	err = c.patiently(ctx, func() (err error) {
		response, err = c.http.Do(request) //nolint:bodyclose // it is closed below
		return c.explain(err)
	})
	if err != nil {
		return failed(err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // whatever it says
		return failed(errors.New((&Answer{Status: response.StatusCode, Body: body}).message()))
	}
	if err := eachLine(response.Body, each); err != nil {
		return failed(c.explain(err))
	}
	return nil
}

// eachLine reads lines, and holds no more than one.
func eachLine(r io.Reader, each func(line []byte, whole bool)) error {
	in, line := bufio.NewReaderSize(r, 64<<10), cutLine{}
	for {
		part, err := in.ReadSlice('\n')
		line.add(bytes.TrimSuffix(part, []byte("\n")))
		switch {
		case err == nil:
			each(line.take(), true)
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			if line.begun {
				each(line.take(), false)
			}
			return nil
		default:
			return err
		}
	}
}

// cutLine is a line that is put together from parts, without the middle of a long one.
type cutLine struct {
	head, tail []byte
	cut, begun bool
}

func (l *cutLine) add(part []byte) {
	l.begun = l.begun || len(part) > 0
	n := min(len(part), lineHead-len(l.head))
	l.head, part = append(l.head, part[:n]...), part[n:]
	if l.tail = append(l.tail, part...); len(l.tail) > lineTail {
		l.tail, l.cut = append(l.tail[:0], l.tail[len(l.tail)-lineTail:]...), true
	}
}

// take returns the line and begins the next one.
func (l *cutLine) take() []byte {
	out := bytes.Clone(l.head)
	if l.cut {
		out = append(out, lineCut...)
	}
	out = append(out, l.tail...)
	l.head, l.tail, l.cut, l.begun = l.head[:0], l.tail[:0], false, false
	return bytes.TrimSuffix(out, []byte("\r"))
}

// lastLines keeps the last lines that fit into so many bytes.
type lastLines struct {
	most  int
	lines [][]byte
	bytes int
}

// mostOfLine is what is kept of one of them, so that it does not push out the others.
const mostOfLine = 16 << 10

func (l *lastLines) add(line []byte) {
	if most := min(mostOfLine, l.most); len(line) > most {
		line = append(bytes.Clone(line[:most]), lineEnd...)
	}
	line = append(bytes.Clone(line), '\n')
	l.lines, l.bytes = append(l.lines, line), l.bytes+len(line)
	for len(l.lines) > 1 && l.bytes > l.most {
		l.bytes -= len(l.lines[0])
		l.lines = l.lines[1:]
	}
}
