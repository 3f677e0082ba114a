package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tandem runs the command line and returns its exit status and output.
func tandem(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(args, streams{&o, &e})
	return status, o.String(), e.String()
}

func TestCheckOfTheSample(t *testing.T) {
	status, out, errs := tandem(t, "check", "--data", t.TempDir())
	if status != 0 || !strings.Contains(out, "no problems") || strings.Contains(out, "warning") {
		t.Errorf("status %d, said %q %q", status, out, errs)
	}
}

// TestCheckNamesEveryProblemWithItsPlace: several files broken, all told at once.
func TestCheckNamesEveryProblemWithItsPlace(t *testing.T) {
	p := place{Data: t.TempDir()}
	if _, err := p.prepare(); err != nil {
		t.Fatal(err)
	}
	spoil(t, p.Data, "dialplan/default.xml", `expression="^9196$"`, `expression="^(9196$"`)
	spoil(t, p.Data, "autoload_configs/switch.conf.xml", `name="max-sessions"`, `name="max-sesions"`)
	status, out, errs := tandem(t, "check", "--data", p.Data)
	if status != 1 {
		t.Errorf("status %d, said %q", status, out)
	}
	for _, want := range []string{"dialplan/default.xml:", "switch.conf.xml:", "max-sesions"} {
		if !strings.Contains(errs, want) {
			t.Errorf("%q is not in\n%s", want, errs)
		}
	}
}

func spoil(t *testing.T, data, file, old, replacement string) {
	t.Helper()
	path := filepath.Join(data, "conf", file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %s", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, replacement, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRoute(t *testing.T) {
	for _, c := range []struct {
		to     string
		status int
		want   string
	}{
		{"9196", 0, "echo"},
		{"1001", 0, "bridge(user/${dialed_extension}@"},
		{"2000", 0, "group/sales"},
		{"77777", 0, "hangup(NO_ROUTE_DESTINATION)"},
	} {
		status, out, errs := tandem(t, "route", "--data", t.TempDir(), "--from", "1000", "--to", c.to)
		if status != c.status || !strings.Contains(out, c.want) || !strings.Contains(out, "dialplan/default.xml:") {
			t.Errorf("route to %s: status %d, %q is not in\n%s%s", c.to, status, c.want, out, errs)
		}
	}
	if status, _, _ := tandem(t, "route", "--data", t.TempDir(), "--from", "1", "--to", "1", "--context", "nosuch"); status != 1 {
		t.Errorf("a hunt that finds nothing has status %d, want 1", status)
	}
}

func TestFirstStartWritesSecretsForTheOwnerAlone(t *testing.T) {
	p := place{Data: filepath.Join(t.TempDir(), "d")}
	first, err := p.prepare()
	if err != nil || !first.made || len(first.password) < 20 || first.password == first.token {
		t.Fatalf("%+v, %v", first, err)
	}
	for _, name := range []string{"default_password", "api_token"} {
		info, err := os.Stat(filepath.Join(p.Data, "secrets", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", name, info.Mode(), err)
		}
	}
	again, err := p.prepare()
	if err != nil || again.made || again.password != first.password {
		t.Errorf("second start: %+v, %v", again, err)
	}
}

func TestUnusableDataDirectoryIsOneClearLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, errs := tandem(t, "serve", "--data", file)
	if status != 1 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "--data") {
		t.Errorf("status %d, said %q", status, errs)
	}
}

func TestDataDirectoryIsForOneSwitch(t *testing.T) {
	dir := t.TempDir()
	first, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	status, _, errs := tandem(t, "serve", "--data", dir)
	if status != 1 || !strings.Contains(errs, "another tandem") {
		t.Errorf("status %d, said %q", status, errs)
	}
}

func TestVersion(t *testing.T) {
	if status, out, _ := tandem(t, "version"); status != 0 || !strings.HasPrefix(out, "tandem "+version) {
		t.Errorf("status %d, said %q", status, out)
	}
}

func TestUnknownFlag(t *testing.T) {
	if status, _, errs := tandem(t, "serve", "--nosuch"); status != 1 || !strings.Contains(errs, "--nosuch") {
		t.Errorf("status %d, said %q", status, errs)
	}
}
