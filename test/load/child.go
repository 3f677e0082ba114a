//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/tandemswitch/tandem/test/load/floor"
	"github.com/tandemswitch/tandem/test/load/process"
)

// runFloor is the child process: it reads the far ends from its input, one on a line,
// writes where each is to send, and works until it is told to end.
func runFloor(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("floor: want what to do and the address to do it at")
	}
	addr, err := netip.ParseAddr(args[1])
	if err != nil {
		return err
	}
	var remotes []netip.AddrPort
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		remote, err := netip.ParseAddrPort(lines.Text())
		if err != nil {
			return err
		}
		remotes = append(remotes, remote)
	}
	r, err := floor.Open(floor.Mode(args[0]), addr, remotes)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, local := range r.Local() {
		if _, err := fmt.Fprintln(out, local); err != nil {
			return err
		}
	}
	return r.Run(ctx)
}

// startFloor starts the child and returns where each far end is to send.
func startFloor(mode floor.Mode, addr netip.Addr, remotes []netip.AddrPort) (*process.Process, []netip.AddrPort, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	var in strings.Builder
	for _, remote := range remotes {
		fmt.Fprintln(&in, remote)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer read.Close()
	p, err := process.Start(process.Command{
		Path: self, Args: []string{"floor", string(mode), addr.String()}, Stdin: strings.NewReader(in.String()), Out: write, Grace: 2 * time.Second,
	})
	_ = write.Close()
	if err != nil {
		return nil, nil, err
	}
	var local []netip.AddrPort
	for lines := bufio.NewScanner(read); len(local) < len(remotes) && lines.Scan(); {
		at, err := netip.ParseAddrPort(lines.Text())
		if err != nil {
			return nil, nil, errors.Join(err, p.Stop())
		}
		local = append(local, at)
	}
	if len(local) < len(remotes) {
		return nil, nil, errors.Join(errors.New("the floor did not start"), p.Stop())
	}
	return p, local, nil
}
