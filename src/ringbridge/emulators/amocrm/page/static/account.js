// Keeps the page as the account is: asks for it every second and replaces only the sections that changed. One in which
// somebody listens to a recording or has the focus waits.
const PAUSE = 1000;
let known = null; // the tag of the page that is shown

function busy(section) {
  return section.contains(document.activeElement) || [...section.querySelectorAll("audio")].some((one) => !one.paused);
}

function take(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  let all = true;
  for (const section of document.querySelectorAll("[data-live]")) {
    const news = fresh.getElementById(section.id);
    if (!news || section.isEqualNode(news)) continue;
    if (busy(section)) all = false;
    else section.replaceWith(news);
  }
  return all;
}

async function look() {
  try {
    const headers = known ? { "If-None-Match": known } : {};
    const answer = await fetch(location.href, { headers, cache: "no-store" });
    if (answer.status !== 304 && take(await answer.text())) known = answer.headers.get("ETag");
    document.getElementById("lost").hidden = true;
  } catch {
    document.getElementById("lost").hidden = false;
  }
}

async function watch() {
  if (!document.hidden) await look();
  setTimeout(watch, PAUSE);
}

watch();
