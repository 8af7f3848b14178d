// Fetches the threads again whenever the server says that something changed, and sends the form without leaving.
"use strict";
const threads = document.getElementById("threads");
const reply = document.getElementById("reply");
const text = document.getElementById("text");
const form = document.querySelector("form");
const said = document.getElementById("said");
const news = document.getElementById("news");
const greeting = text.value;
let version = Number(document.body.dataset.version);
let shown = threads.innerHTML;
let offered = reply.innerHTML;

const ids = () => new Set([...threads.querySelectorAll("article")].map((article) => article.dataset.id));

function show(update) {
  version = update.version;
  if (update.threads !== shown) {
    const known = ids();
    const open = new Set([...threads.querySelectorAll("details[open]")].map((part) => part.closest("article").dataset.id));
    const focus = document.activeElement?.closest?.("article")?.dataset.id;
    shown = update.threads;
    threads.innerHTML = shown;
    let arrived = 0;
    for (const article of threads.querySelectorAll("article")) {
      if (!known.has(article.dataset.id)) { article.classList.add("new"); arrived += 1; }
      if (open.has(article.dataset.id)) article.querySelector("details")?.setAttribute("open", "");
      if (focus === article.dataset.id) article.querySelector(".answer")?.focus({ preventScroll: true });
    }
    if (arrived) news.textContent = arrived === 1 ? "One new status." : `${arrived} new statuses.`;
  }
  if (update.choices !== offered) {
    const chosen = reply.value;
    offered = update.choices;
    reply.innerHTML = offered;
    reply.value = chosen;
    if (reply.selectedIndex < 0) reply.value = "";
  }
}

async function follow() {
  for (;;) {
    try {
      const answer = await fetch(`/sandbox/threads?after=${version}`);
      show(await answer.json());
      // Many changes at once are shown together.
      await new Promise((resolve) => setTimeout(resolve, 150));
    } catch {
      news.textContent = "The sandbox does not answer; trying again.";
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

threads.addEventListener("click", (event) => {
  const link = event.target.closest(".answer");
  if (!link) return;
  event.preventDefault();
  const id = link.closest("article").dataset.id;
  if (![...reply.options].some((option) => option.value === id)) reply.add(new Option(`@${link.dataset.acct}`, id));
  reply.value = id;
  if (!text.value.includes(`@${link.dataset.acct}`)) text.value = `@${link.dataset.acct} ${text.value === greeting ? "" : text.value}`;
  text.focus();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  said.textContent = "";
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const wrong = new URL(answer.url).searchParams.get("said");
  if (wrong) {
    said.textContent = wrong;
    said.className = "wrong";
    return;
  }
  said.className = "";
  said.textContent = "Published.";
  text.value = greeting;
  reply.value = "";
});

follow();
