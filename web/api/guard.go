package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
)

// digest makes tokens equally long, so that comparing them takes the same time.
func digest(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// openPaths need no token: what a load balancer asks, the contract, the page.
var openPaths = []string{"/", "/favicon.ico", "/openapi.json", "/v1/system/health", "/v1/system/ready"}

// open reports whether a request needs no token.
func (m *Module) open(r *http.Request) bool {
	switch {
	case slices.Contains(openPaths, r.URL.Path), strings.HasPrefix(r.URL.Path, "/ui/"):
		return true
	case r.URL.Path == "/metrics":
		return fromHere(r) && m.knownHost(r.Host)
	}
	return false
}

// fromHere reports whether a request comes from this machine itself, and not
// through a proxy on it.
func fromHere(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

// knownHost reports whether a Host header names this machine's loopback. A page
// of the internet whose name suddenly resolves to 127.0.0.1 still sends its own
// name here (DNS rebinding).
func (m *Module) knownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || slices.ContainsFunc(m.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// checkHost refuses foreign names on a loopback listener.
func (m *Module) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.loopback && !m.knownHost(r.Host) {
			m.refuse(w, &Problem{Status: http.StatusMisdirectedRequest, kind: "misdirected", Detail: "this listener answers to localhost and loopback addresses only"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkToken lets requests with the bearer token pass (RFC 6750 §2.1), and
// those that need none.
func (m *Module) checkToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.open(r) {
			next.ServeHTTP(w, r)
			return
		}
		challenge, detail := `Bearer realm="tandem"`, "a bearer token is needed"
		if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
			given := digest(strings.TrimSpace(token))
			if subtle.ConstantTimeCompare(given[:], m.token[:]) == 1 {
				next.ServeHTTP(w, r)
				return
			}
			challenge, detail = challenge+`, error="invalid_token"`, "the token is not valid"
		}
		w.Header().Set("WWW-Authenticate", challenge)
		m.refuse(w, &Problem{Status: http.StatusUnauthorized, Stage: "auth", Detail: detail})
	})
}

// secure sets the headers that keep browsers careful. Pages set a policy of their own.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes+1)
		next.ServeHTTP(w, r)
	})
}

// recoverPanic turns a bug in one request into a 500 of this request.
func (m *Module) recoverPanic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			m.log.Error("panic in request", "method", r.Method, "path", r.URL.Path, "err", p, "stack", string(debug.Stack()))
			m.refuse(w, &Problem{Status: http.StatusInternalServerError})
		}()
		next.ServeHTTP(w, r)
	})
}
