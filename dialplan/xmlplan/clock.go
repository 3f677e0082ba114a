package xmlplan

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tandemswitch/tandem/dialplan/timeofday"
)

// clock is the moment of a hunt in the server's zone.
type clock struct{ server time.Time }

// timePasses evaluates times in the zone in force: the variable tod_tz_offset in
// whole hours, else the zone that the variable timezone names, else the server's.
func (e *hunt) timePasses(spec *timeofday.Spec) bool {
	now := e.clock.server
	if hours, err := strconv.Atoi(strings.TrimSpace(e.scope.Var("tod_tz_offset"))); err == nil {
		now = now.In(time.FixedZone("", hours*3600))
	} else if name := e.scope.Var("timezone"); name != "" {
		if zone := e.plan.zones.zone(name); zone != nil {
			now = now.In(zone)
		}
	}
	return spec.Match(now, e.clock.server)
}

// maxZones bounds the zones that are kept; names come from variables.
const maxZones = 1000

// zones keeps loaded time zones, and which names are none.
type zones struct {
	mu     sync.Mutex
	loaded map[string]*time.Location // Guarded by mu.
}

// zone returns a zone by its name in the time zone database, or nil.
func (z *zones) zone(name string) *time.Location {
	z.mu.Lock()
	loc, ok := z.loaded[name]
	z.mu.Unlock()
	if ok {
		return loc
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		loc = nil
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.loaded == nil || len(z.loaded) >= maxZones {
		z.loaded = make(map[string]*time.Location)
	}
	z.loaded[name] = loc
	return loc
}
