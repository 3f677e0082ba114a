package console

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// table is what show prints: the columns' names and the rows.
type table struct {
	columns []string
	rows    [][]string
}

// showRequest is show's arguments.
type showRequest struct {
	table  string
	count  bool
	like   string
	format string // csv, delim, xml, json
	delim  string
}

func (m *Module) show(_ context.Context, args string) (string, error) {
	r, err := parseShow(words(args))
	if err != nil {
		return "", err
	}
	fill, known := tables[r.table]
	if !known {
		return "", replyError("-ERR no such table: " + r.table + " (there are " + tableNames() + ")")
	}
	t := fill(m)
	if r.like != "" {
		t = t.like(r.like)
	}
	return t.render(r)
}

func parseShow(list []string) (showRequest, error) {
	r := showRequest{format: "csv", delim: ","}
	if len(list) == 0 {
		return r, errUsage
	}
	r.table = strings.ToLower(list[0])
	for i := 1; i < len(list); i++ {
		switch word := strings.ToLower(list[i]); {
		case word == "count":
			r.count = true
		case word == "like" && i+1 < len(list):
			i++
			r.like = list[i]
		case word == "as" && i+1 < len(list):
			i++
			r.format = strings.ToLower(list[i])
			if r.format == "delim" && i+1 < len(list) {
				i++
				r.delim = list[i]
			}
		default:
			return r, errUsage
		}
	}
	switch r.format {
	case "csv", "xml", "json":
	case "delim":
		if len([]rune(r.delim)) != 1 || strings.ContainsAny(r.delim, "\"\r\n") {
			return r, errUsage
		}
	default:
		return r, errUsage
	}
	return r, nil
}

// like keeps the rows one of whose fields contains the text; % at its ends, as
// in SQL, means nothing more.
func (t table) like(text string) table {
	text = strings.ToLower(strings.Trim(text, "%"))
	kept := table{columns: t.columns}
	for _, row := range t.rows {
		for _, field := range row {
			if strings.Contains(strings.ToLower(field), text) {
				kept.rows = append(kept.rows, row)
				break
			}
		}
	}
	return kept
}

func (t table) render(r showRequest) (string, error) {
	switch r.format {
	case "json":
		return t.json(r.count)
	case "xml":
		return t.xml(r.count)
	}
	return t.csv(r)
}

// csv is the header, the rows, a blank line and the total; without rows there
// is no header.
func (t table) csv(r showRequest) (string, error) {
	var b bytes.Buffer
	if len(t.rows) > 0 && !r.count {
		w := csv.NewWriter(&b)
		w.Comma = []rune(r.delim)[0]
		if err := w.Write(t.columns); err != nil {
			return "", err
		}
		if err := w.WriteAll(t.rows); err != nil {
			return "", err
		}
	}
	fmt.Fprintf(&b, "\n%d total.\n", len(t.rows))
	return b.String(), nil
}

func (t table) json(count bool) (string, error) {
	out := struct {
		Count int                 `json:"row_count"`
		Rows  []map[string]string `json:"rows,omitempty"`
	}{Count: len(t.rows)}
	if !count {
		for _, row := range t.rows {
			object := make(map[string]string, len(row))
			for i, field := range row {
				object[t.columns[i]] = field
			}
			out.Rows = append(out.Rows, object)
		}
	}
	text, err := json.Marshal(out)
	return string(text), err
}

func (t table) xml(count bool) (string, error) {
	var b bytes.Buffer
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	attr := func(name string, n int) []xml.Attr {
		return []xml.Attr{{Name: xml.Name{Local: name}, Value: strconv.Itoa(n)}}
	}
	result := xml.StartElement{Name: xml.Name{Local: "result"}, Attr: attr("row_count", len(t.rows))}
	tokens := []xml.Token{result}
	if !count {
		for i, row := range t.rows {
			start := xml.StartElement{Name: xml.Name{Local: "row"}, Attr: attr("row_id", i+1)}
			tokens = append(tokens, start)
			for c, field := range row {
				cell := xml.StartElement{Name: xml.Name{Local: t.columns[c]}}
				tokens = append(tokens, cell, xml.CharData(field), cell.End())
			}
			tokens = append(tokens, start.End())
		}
	}
	for _, token := range append(tokens, result.End()) {
		if err := e.EncodeToken(token); err != nil {
			return "", err
		}
	}
	err := e.Flush()
	b.WriteByte('\n')
	return b.String(), err
}
