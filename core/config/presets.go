package config

import (
	"cmp"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// HostPresets returns the variables that FreeSWITCH's core would set before it
// reads the first file: hostname, local_ip_v4, local_ip_v6 and the directories
// below dataDir; confDir is the configuration's own. It asks the kernel for the
// addresses and sends nothing.
//
// listen_ip is ours: where profiles of the sample listen. It is "all" unless
// sets (the command line's) fix local_ip_v4 or local_ip_v6; then it is those,
// separated by a comma.
func HostPresets(dataDir, confDir string, sets map[string]string) map[string]string {
	data, conf := absolute(dataDir), absolute(confDir)
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	in := func(name string) string { return filepath.Join(data, name) }
	return map[string]string{
		"hostname":       host,
		"local_ip_v4":    localAddr("udp4", "192.0.2.1:9", "127.0.0.1"),
		"local_ip_v6":    localAddr("udp6", "[2001:db8::1]:9", "::1"),
		"listen_ip":      listen(sets),
		"base_dir":       data,
		"data_dir":       data,
		"conf_dir":       conf,
		"sounds_dir":     in("sounds"),
		"sound_prefix":   filepath.Join(in("sounds"), "en", "us", "slt"),
		"recordings_dir": in("recordings"),
		"storage_dir":    in("storage"),
		"log_dir":        in("log"),
		"db_dir":         data,
		"certs_dir":      in("tls"),
		"cache_dir":      in("cache"),
		"script_dir":     in("scripts"),
		"images_dir":     in("images"),
		"temp_dir":       os.TempDir(),
	}
}

func listen(sets map[string]string) string {
	var fixed []string
	for _, name := range []string{"local_ip_v4", "local_ip_v6"} {
		if addr := sets[name]; addr != "" {
			fixed = append(fixed, addr)
		}
	}
	return cmp.Or(strings.Join(fixed, ","), "all")
}

func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// localAddr is the address this host would send from towards a far address (of
// the documentation ranges, RFC 5737 and RFC 3849); connecting a UDP socket
// sends nothing. Without such a route it is the first global address, else loopback.
func localAddr(network, far, loopback string) string {
	if conn, err := net.Dial(network, far); err == nil {
		defer conn.Close()
		if addr, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
			return addr.Addr().WithZone("").String()
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return loopback
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().IsGlobalUnicast() && prefix.Addr().Is4() == (network == "udp4") {
			return prefix.Addr().String()
		}
	}
	return loopback
}
