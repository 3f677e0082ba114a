package api

import (
	"encoding/base64"
	"net/http"
	"sort"
)

// Page is a list: every list of the API has this form.
type Page[T any] struct {
	Items []T     `json:"items" nullable:"false" doc:"This page's items."`
	Next  *string `json:"next" doc:"Give it as cursor for the next page; null at the end."`
}

// Paging asks for a page.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The most items to return."`
	Cursor string `query:"cursor" maxLength:"512" doc:"What next of the page before said."`
}

// list is the answer of every list.
type list[T any] struct{ Body Page[T] }

// whole is a list of one page.
func whole[T any](items []T) *list[T] { return paged(items, "") }

// paged is a page whose next one begins at cursor; empty for the last page.
func paged[T any](items []T, cursor string) *list[T] {
	if items == nil {
		items = []T{}
	}
	l := &list[T]{Page[T]{Items: items}}
	if cursor != "" {
		l.Body.Next = &cursor
	}
	return l
}

// cut takes a page out of items that are sorted by key. Keys do not change and
// new items have later keys or lie where they lie: nothing is listed twice.
func cut[T any](items []T, p Paging, key func(T) string) (*list[T], error) {
	if p.Cursor != "" {
		after, err := base64.RawURLEncoding.DecodeString(p.Cursor)
		if err != nil {
			return nil, badCursor()
		}
		items = items[sort.Search(len(items), func(i int) bool { return key(items[i]) > string(after) }):]
	}
	if len(items) <= p.Limit {
		return whole(items), nil
	}
	items = items[:p.Limit]
	return paged(items, base64.RawURLEncoding.EncodeToString([]byte(key(items[p.Limit-1])))), nil
}

func badCursor() *Problem {
	p := invalid(Fault{Parameter: "cursor", Detail: "not a cursor of this list"})
	p.Status = http.StatusUnprocessableEntity
	return p
}
