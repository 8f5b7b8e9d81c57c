package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const forwarding = "/proc/sys/net/ipv4/ip_forward"

// plugNetwork joins the box to the machine: one veth pair, routes to pods and
// cluster IPs, and a way out for npm through the machine's own address.
func plugNetwork(pid int) error {
	mtu := 1500
	if way, err := netlink.RouteGet(net.IPv4(1, 1, 1, 1)); err == nil && len(way) > 0 {
		if l, err := netlink.LinkByIndex(way[0].LinkIndex); err == nil {
			mtu = l.Attrs().MTU
		}
	}
	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: hostLink, MTU: mtu},
		PeerName:      "eth0",
		PeerMTU:       uint32(mtu),
		PeerNamespace: netlink.NsPid(pid),
	}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("add link %s: %w", hostLink, err)
	}
	if err := address(nil, hostLink, hostIP); err != nil {
		return err
	}
	if err := inNetworkOf(pid); err != nil {
		return err
	}
	link, err := netlink.LinkByName(hostLink)
	if err != nil {
		return err
	}
	for _, cidr := range []string{podNet, svcNet} {
		_, dst, _ := net.ParseCIDR(cidr)
		r := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: dst, Gw: net.ParseIP(IP)}
		if err := netlink.RouteReplace(r); err != nil {
			return fmt.Errorf("add route to %s: %w", cidr, err)
		}
	}
	return openWayOut()
}

// address gives a link its address and sets it up; h is nil for the machine.
func address(h *netlink.Handle, link, ip string) error {
	if h == nil {
		h = &netlink.Handle{}
	}
	l, err := h.LinkByName(link)
	if err != nil {
		return fmt.Errorf("find link %s: %w", link, err)
	}
	a, err := netlink.ParseAddr(ip + "/24")
	if err != nil {
		return err
	}
	if err := h.AddrReplace(l, a); err != nil {
		return fmt.Errorf("give %s the address %s: %w", link, ip, err)
	}
	if err := h.LinkSetUp(l); err != nil {
		return fmt.Errorf("set %s up: %w", link, err)
	}
	return nil
}

// inNetworkOf configures the box's end of the pair.
func inNetworkOf(pid int) error {
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return fmt.Errorf("find the box's network: %w", err)
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return fmt.Errorf("open the box's network: %w", err)
	}
	defer h.Close()
	if err := address(h, "eth0", IP); err != nil {
		return err
	}
	l, err := h.LinkByName("eth0")
	if err != nil {
		return err
	}
	out := &netlink.Route{LinkIndex: l.Attrs().Index, Gw: net.ParseIP(hostIP)}
	if err := h.RouteReplace(out); err != nil {
		return fmt.Errorf("add the box's default route: %w", err)
	}
	return nil
}

// rules are the only iptables rules of the machine that the sandbox needs, each
// before the next. While it is up the machine forwards packets, and the servers
// in the box ask for no password: only the machine and its own Docker containers
// (where those hold the engine) may open connections into it, no neighbour.
func rules() [][]string {
	mark := []string{"-m", "comment", "--comment", "slipway sandbox", "-j"}
	rule := func(target string, words ...string) []string { return append(append(words, mark...), target) }
	return [][]string{
		rule("MASQUERADE", "nat", "POSTROUTING", "-s", subnet, "!", "-o", hostLink),
		rule("ACCEPT", "filter", "FORWARD", "-i", hostLink),
		rule("ACCEPT", "filter", "FORWARD", "-o", hostLink, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"),
		rule("ACCEPT", "filter", "FORWARD", "-o", hostLink, "-i", "docker+"),
		rule("DROP", "filter", "FORWARD", "-o", hostLink),
	}
}

func openWayOut() error {
	was, err := os.ReadFile(forwarding)
	if err != nil {
		return err
	}
	keep := filepath.Join(runDir, "ip_forward")
	if _, err := os.Stat(keep); errors.Is(err, os.ErrNotExist) {
		if err := os.WriteFile(keep, was, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(forwarding, []byte("1"), 0); err != nil {
		return fmt.Errorf("let the machine forward packets: %w", err)
	}
	// Each goes to the top, so the last one first.
	for _, r := range slices.Backward(rules()) {
		if iptables("-C", r) == nil {
			continue
		}
		if err := iptables("-I", r); err != nil {
			return err
		}
	}
	return nil
}

func iptables(verb string, rule []string) error {
	args := append([]string{"-w", "5", "-t", rule[0], verb}, rule[1:]...)
	out, err := exec.Command("iptables", args...).CombinedOutput() //nolint:noctx // taking rules away must not be cancelled
	if err != nil {
		return fmt.Errorf("iptables %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// unplugNetwork takes back what plugNetwork did to the machine. It is harmless
// when nothing, or only a part of it, is there.
func unplugNetwork() error {
	var errs []error
	if l, err := netlink.LinkByName(hostLink); err == nil {
		if err := netlink.LinkDel(l); err != nil && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("remove link %s: %w", hostLink, err))
		}
	}
	if _, err := exec.LookPath("iptables"); err == nil {
		for _, r := range rules() {
			for iptables("-C", r) == nil {
				if err := iptables("-D", r); err != nil {
					errs = append(errs, err)
					break
				}
			}
		}
	}
	keep := filepath.Join(runDir, "ip_forward")
	if was, err := os.ReadFile(keep); err == nil {
		errs = append(errs, os.WriteFile(forwarding, was, 0), os.Remove(keep))
	}
	return errors.Join(errs...)
}

// Listen is net.Listen in the box: what runs there, such as the engine, reaches
// it as localhost.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	runtime.LockOSThread() // a thread that does not come back ends with its goroutine
	own, err := netns.Get()
	if err != nil {
		return nil, err
	}
	defer own.Close()
	box, err := netns.GetFromPid(boxPID())
	if err != nil {
		return nil, err
	}
	defer box.Close()
	if err := netns.Set(box); err != nil {
		return nil, fmt.Errorf("enter the box: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if back := netns.Set(own); back != nil {
		return nil, fmt.Errorf("leave the box: %w", errors.Join(back, err))
	}
	runtime.UnlockOSThread()
	return listener, err
}
