package tandem

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMetricsSumsOverLabels(t *testing.T) {
	got, err := parseMetrics([]byte(`# HELP go_goroutines Number of goroutines.
# TYPE go_goroutines gauge
go_goroutines 17
tandem_channels{direction="inbound"} 2
tandem_channels{direction="outbound",note="a } b"} 3
process_open_fds 1.2e+01
`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Metrics{"go_goroutines": 17, "tandem_channels": 5, "process_open_fds": 12}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, bad := range []string{"name", "name{a=\"b\"}", "name x"} {
		if m, err := parseMetrics([]byte(bad)); err == nil {
			t.Errorf("parseMetrics(%q) = %v, want an error", bad, m)
		}
	}
}
