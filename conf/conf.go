// Package conf holds the sample configuration: a tree of XML files in
// FreeSWITCH's form, written to the data directory at first start. It is data
// only; core/config reads it.
package conf

import "embed"

// FS is the tree. Its root holds freeswitch.xml.
//
//go:embed *.xml autoload_configs dialplan directory ivr_menus sip_profiles tones lang
var FS embed.FS
