// The status page: asks /v1 every few seconds and writes tables. Everything
// that comes from the switch is set as text, never as HTML: caller names are
// what strangers send.
"use strict";

const period = 3000; // milliseconds between two looks
const key = "tandem-token";
const byId = (id) => document.getElementById(id);

class Refused extends Error {}

async function ask(path, options = {}) {
  const answer = await fetch(path, {
    ...options,
    headers: { Authorization: "Bearer " + sessionStorage.getItem(key) },
    cache: "no-store",
  });
  if (answer.status === 401) throw new Refused("The token is not valid.");
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail || body.title);
  return body;
}

function cell(content, kind) {
  const td = document.createElement("td");
  if (content instanceof Node) td.append(content);
  else td.textContent = content ?? "";
  if (kind) td.className = kind;
  return td;
}

function fill(id, rows, nothing) {
  const body = byId(id).tBodies[0];
  body.replaceChildren(...rows.map((cells) => {
    const tr = document.createElement("tr");
    tr.append(...cells);
    return tr;
  }));
  if (rows.length) return;
  const td = cell(nothing, "empty");
  td.colSpan = byId(id).tHead.rows[0].cells.length;
  body.insertRow().append(td);
}

function span(milliseconds) {
  const s = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  return (h ? h + ":" : "") + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
}

function mediaOf(call) {
  const legs = call.legs.map((leg) => leg.media).filter(Boolean);
  return legs.map((m) => `${m.codec || "?"} ${m.way}` + (m.lost_in ? ` (${m.loss_in_percent} % lost)` : "")).join(" · ");
}

function hangupButton(call) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Hang up";
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await ask("/v1/calls/" + encodeURIComponent(call.id), { method: "DELETE" });
    } catch (err) {
      button.title = err.message; // it may have ended by itself
    }
  });
  return button;
}

function showCalls(page) {
  const now = Date.now();
  fill("calls", page.items.map((c) => [
    cell(c.from), cell(c.to), cell(c.state, c.state === "answered" ? "good" : ""),
    cell(span(now - Date.parse(c.answered_at ?? c.started_at))), cell(mediaOf(c)), cell(c.legs.length), cell(hangupButton(c)),
  ]), "No calls.");
  byId("calls-count").textContent = page.items.length + (page.next ? "+" : "");
}

function showRegistrations(page) {
  const now = Date.now();
  fill("registrations", page.items.map((r) => [
    cell(r.aor), cell(r.name), cell(r.received), cell(r.transport), cell(r.user_agent),
    cell(r.expires_at ? span(Date.parse(r.expires_at) - now) : ""),
  ]), "No phone is registered.");
  byId("registrations-count").textContent = page.items.length + (page.next ? "+" : "");
}

function showRecords(page) {
  const bad = (cause) => (cause === "NORMAL_CLEARING" ? "" : "bad");
  fill("cdrs", page.items.map((r) => [
    cell(new Date(r.started_at).toLocaleString()), cell(r.direction), cell(r.from), cell(r.to),
    cell(r.answered_at ? span(r.bill_ms) : "–"), cell(r.cause, bad(r.cause)), cell(r.hung_up_by),
  ]), "No records yet.");
}

function showSystem(s) {
  const calls = `${s.sessions} of ${s.max_sessions || "any number of"} channels`;
  byId("system").textContent = `${s.version} · up ${span(s.uptime_ms)} · ${calls}` + (s.draining ? " · draining" : "");
}

async function look() {
  const [system, calls, registrations, records] = await Promise.all([
    ask("/v1/system/version"), ask("/v1/calls?limit=200"), ask("/v1/registrations?limit=200"), ask("/v1/cdrs?limit=20"),
  ]);
  showSystem(system);
  showCalls(calls);
  showRegistrations(registrations);
  showRecords(records);
}

function wantToken(message) {
  sessionStorage.removeItem(key);
  byId("status").hidden = byId("leave").hidden = true;
  byId("enter").hidden = false;
  byId("refused").textContent = message ?? "";
  byId("system").textContent = "";
  byId("token").focus();
}

let timer;
async function run() {
  clearTimeout(timer);
  if (!sessionStorage.getItem(key)) return wantToken();
  try {
    if (!document.hidden) await look();
    byId("enter").hidden = true;
    byId("status").hidden = byId("leave").hidden = false;
  } catch (err) {
    if (err instanceof Refused) return wantToken(err.message);
    byId("system").textContent = "No answer from the switch: " + err.message;
  }
  timer = setTimeout(run, period);
}

byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(key, byId("token").value.trim());
  byId("token").value = "";
  run();
});
byId("leave").addEventListener("click", () => {
  clearTimeout(timer);
  wantToken();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && sessionStorage.getItem(key)) run();
});
run();
