package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// place is what an image has where a file was looked for.
type place struct {
	file, folder bool
	near         string   // if neither, the closest folder above that is there
	names        []string // in it
}

// String says what is there, for who looks for the file.
func (p place) String() string {
	const most = 8
	names := slices.Sorted(slices.Values(p.names))
	text := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	if text == "" {
		return p.near + " is empty"
	}
	return p.near + " has " + text
}

// mostLinks is how many symbolic links one name may lead through, as on Linux.
const mostLinks = 40

// findFile looks for a file in the layers of an image, the uppermost first. It
// reads no more of them than it must: a program is seldom in the lowest.
func findFile(layers []v1.Layer, name string, links int) (place, error) {
	if links > mostLinks {
		return place{near: "/"}, nil // a loop, which leads to nothing
	}
	s := search{name: path.Clean(name), present: map[string]map[string]bool{}, hidden: map[string]bool{}, covered: map[string]bool{}}
	for _, layer := range layers {
		if err := s.layer(layer); err != nil {
			return place{}, err
		}
		switch {
		case s.link != "":
			return findFile(layers, s.link, links+1)
		case s.found.file || s.found.folder:
			return s.found, nil
		case s.gone:
			return s.nearest(), nil
		}
	}
	return s.nearest(), nil
}

// search goes down the layers.
type search struct {
	name    string
	found   place
	link    string // where a symbolic link on the way leads
	gone    bool   // an upper layer took it away
	present map[string]map[string]bool
	hidden  map[string]bool // taken away by a layer above
	covered map[string]bool // folders on the way: a link below has no meaning
}

func (s *search) layer(layer v1.Layer) error {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	var hidden []string
	folders := []string{}
	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		at := path.Join("/", h.Name)
		dir, base := path.Split(at)
		dir = path.Clean(dir)
		switch taken, white := strings.CutPrefix(base, ".wh."); {
		case base == ".wh..wh..opq":
			s.gone = s.gone || s.under(dir) // of the layers below
		case white:
			hidden = append(hidden, path.Join(dir, taken))
			s.gone = s.gone || s.name == path.Join(dir, taken) || s.under(path.Join(dir, taken))
		case at == s.name:
			s.entry(h, at, "")
		case s.under(at):
			if h.Typeflag == tar.TypeDir {
				folders = append(folders, at)
			}
			s.entry(h, at, strings.TrimPrefix(s.name, at))
			fallthrough
		default:
			s.note(at)
		}
		if s.found.file || s.link != "" {
			return nil
		}
	}
	for _, at := range hidden {
		s.hidden[at] = true
	}
	for _, at := range folders {
		s.covered[at] = true
	}
	return nil
}

// under tells that what is looked for lies in that folder.
func (s *search) under(dir string) bool {
	return dir == "/" || strings.HasPrefix(s.name, dir+"/")
}

// entry is the name itself, or with the rest of it a folder on the way.
func (s *search) entry(h *tar.Header, at, rest string) {
	switch {
	case h.Typeflag == tar.TypeSymlink && !s.covered[at]:
		target := h.Linkname
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(at), target)
		}
		s.link = path.Join("/", target, rest)
	case h.Typeflag == tar.TypeDir:
		s.found.folder = s.found.folder || rest == ""
	case rest == "":
		s.found.file = h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeLink
	}
}

// note keeps what is in the folders on the way, for people. Not every folder
// has an entry of its own.
func (s *search) note(at string) {
	for dir := path.Dir(s.name); ; dir = path.Dir(dir) {
		if below, ok := strings.CutPrefix(at, strings.TrimSuffix(dir, "/")+"/"); ok {
			name, _, _ := strings.Cut(below, "/")
			if s.present[dir] == nil {
				s.present[dir] = map[string]bool{}
			}
			if name != "" && !s.hidden[path.Join(dir, name)] {
				s.present[dir][name] = true
			}
		}
		if dir == "/" {
			return
		}
	}
}

// nearest is the closest folder above that has something in it.
func (s *search) nearest() place {
	for dir := path.Dir(s.name); ; dir = path.Dir(dir) {
		if names := s.present[dir]; len(names) > 0 || dir == "/" {
			p := place{near: dir}
			for name := range names {
				p.names = append(p.names, name)
			}
			return p
		}
	}
}
