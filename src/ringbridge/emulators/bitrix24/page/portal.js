// Keeps the page as the portal is: asks once a second, touches only what changed.
"use strict";

const words = JSON.parse(document.getElementById("words").textContent);
const byId = (id) => document.getElementById(id);

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

// Gives `parent` one child per item, in order, and leaves a child alone while its item stays the same.
function keep(parent, items, build) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, index) => {
    const print = JSON.stringify(item);
    let child = old.get(String(item.id));
    old.delete(String(item.id));
    if (!child || child.dataset.print !== print) {
      const fresh = build(item);
      fresh.dataset.key = item.id;
      fresh.dataset.print = print;
      if (child) child.replaceWith(fresh);
      child = fresh;
    }
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] || null);
  });
  old.forEach((child) => child.remove());
}

function clock(moment) {
  return new Date(moment).toLocaleTimeString(words.lang);
}

function talk(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function card(item) {
  const box = make("div", undefined, item.over ? "card over" : "card");
  box.append(make("b", item.number), make("span", item.client || words.unknown), make("br"));
  box.append(make("small", [words[item.kind], item.line, clock(item.started)].filter(Boolean).join(" · ")));
  return box;
}

function screen(user) {
  const box = make("article", undefined, "screen");
  const title = make("h3", user.name);
  title.append(make("span", user.inner));
  const cards = make("div");
  box.append(title, cards);
  if (user.cards.length) keep(cards, user.cards, card);
  else box.append(make("p", words.quiet, "quiet"));
  return box;
}

function cell(row, name, content, className) {
  const td = make("td", undefined, className);
  td.dataset.name = words[name];
  td.append(content);
  row.append(td);
}

function call(item) {
  const row = make("tr");
  const client = item.anchor ? make("a", item.client || item.anchor) : make("span", "—");
  if (item.anchor) client.href = `#${item.anchor}`;
  const status = words.statuses[item.code] ? `${words.statuses[item.code]} (${item.code})` : item.code;
  cell(row, "when", clock(item.started));
  cell(row, "kind", words[item.kind]);
  cell(row, "number", item.number);
  cell(row, "client", client);
  cell(row, "employee", item.user);
  cell(row, "duration", talk(item.duration), "num");
  cell(row, "status", status, item.code === "200" ? "good" : "bad");
  cell(row, "line", item.line || "—");
  cell(row, "recording", item.file ? player(item.file) : "—");
  return row;
}

function player(file) {
  const audio = make("audio");
  audio.controls = true;
  audio.preload = "none";
  audio.src = `/_emulator/files/${file}`;
  return audio;
}

function client(item) {
  const row = make("li", item.name);
  row.id = item.id;
  row.append(make("small", [item.phones.join(", "), item.source, item.user].filter(Boolean).join(" · ")));
  return row;
}

function show(board) {
  for (const name of ["running", "finished", "missed", "requests"]) byId(name).textContent = board[name];
  byId("missed").parentElement.classList.toggle("some", board.missed > 0);
  keep(byId("screens"), board.screens, screen);
  keep(byId("calls"), board.calls, call);
  keep(byId("leads"), board.leads, client);
  keep(byId("contacts"), board.contacts, client);
  byId("no-calls").hidden = board.calls.length > 0;
  byId("calls-table").hidden = board.calls.length === 0;
  byId("no-leads").hidden = board.leads.length > 0;
  byId("click").hidden = !board.click;
  keep(byId("click").elements.user, board.screens.map(({ id, name }) => ({ id, name })), (user) => {
    const option = make("option", user.name);
    option.value = user.id;
    return option;
  });
}

async function look() {
  try {
    const answer = await fetch("/_emulator/board");
    show(await answer.json());
    byId("lost").hidden = true;
  } catch {
    byId("lost").hidden = false;
  }
  setTimeout(look, 700);
}

byId("click").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { user, number } = event.target.elements;
  await fetch("/_emulator/do/click", {
    method: "POST",
    body: JSON.stringify({ user_id: Number(user.value), number: number.value }),
  });
});

look();
