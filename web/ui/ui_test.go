package ui

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func TestHandlerServesThePageAndItsParts(t *testing.T) {
	for path, kind := range map[string]string{"/": "text/html", "/ui/app.js": "text/javascript", "/ui/style.css": "text/css"} {
		w := get(t, path)
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), kind) {
			t.Errorf("GET %s: %d %q, want 200 %s", path, w.Code, w.Header().Get("Content-Type"), kind)
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("GET %s: no policy", path)
		}
	}
	for _, path := range []string{"/ui/", "/ui/../ui.go", "/ui/nothing.js", "/ui/page"} {
		if w := get(t, path); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, w.Code)
		}
	}
}

// TestPageIsSelfContained: nothing from elsewhere, nothing the policy forbids, and every
// part that is named exists.
func TestPageIsSelfContained(t *testing.T) {
	page := get(t, "/").Body.String()
	script := get(t, "/ui/app.js").Body.String()
	for name, text := range map[string]string{"index.html": page, "app.js": script, "style.css": get(t, "/ui/style.css").Body.String()} {
		if found := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z]`).FindString(text); found != "" {
			t.Errorf("%s loads from elsewhere: %s", name, found)
		}
	}
	if found := regexp.MustCompile(`(?i)<script>|<style|\son[a-z]+=|\sstyle=`).FindString(page); found != "" {
		t.Errorf("inline script or style, which the policy forbids: %s", found)
	}
	if strings.Contains(script, "innerHTML") || strings.Contains(script, "localStorage") {
		t.Error("the script writes HTML or keeps the token beyond the session")
	}
	for _, ref := range regexp.MustCompile(`(?:src|href)="(/ui/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		if w := get(t, ref[1]); w.Code != http.StatusOK {
			t.Errorf("the page names %s: %d", ref[1], w.Code)
		}
	}
	ids := regexp.MustCompile(`byId\("([a-z-]+)"\)`).FindAllStringSubmatch(script, -1)
	for _, id := range ids {
		if !strings.Contains(page, `id="`+id[1]+`"`) {
			t.Errorf("the script uses #%s, which the page does not have", id[1])
		}
	}
}
