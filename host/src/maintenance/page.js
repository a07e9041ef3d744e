"use strict";
(() => {
  const page = {{settings}};
  const show = (id, text) => {
    const node = document.getElementById(id);
    // Said only when it is something new: a reader reads it aloud.
    if (node.textContent !== text) node.textContent = text;
  };

  // The page is shown for any address. Its status lies in the directory of this one, or in one above.
  const places = [];
  for (let path = location.pathname; path.includes("/"); ) {
    path = path.slice(0, path.lastIndexOf("/"));
    places.push(path + "/" + page.status);
  }

  const ask = async () => {
    const response = await fetch(places[0], { cache: "no-store" });
    let status = null;
    try { status = await response.json(); } catch { /* not ours */ }
    if (status && status.liftlock === 1) return { status, date: Date.parse(response.headers.get("date")) };
    if (!known && places.length > 1) {
      places.shift();
      return ask();
    }
    return { reached: true, gone: response.ok || response.status === 404 || response.status === 410 };
  };

  let known = false;    // whether the status was ever read
  let heartbeat = 0;    // the last one
  let moved = 0;        // when it was last seen to move, by this browser's own clock
  let skewed = false;   // the server's clock and the run's are not the same: only movement counts

  const isDead = ({ doing, heartbeat: beat }, date, now) => {
    const moves = known && beat !== heartbeat;
    const expired = date - beat > page.lease;
    if (moves && expired) skewed = true;
    if (!known || moves) moved = now;
    known = true;
    heartbeat = beat;
    return doing === "stopped" || now - moved > page.lease || (expired && !skewed);
  };

  const lasting = (milliseconds) => {
    const seconds = Math.max(0, Math.round(milliseconds / 1000));
    return seconds < 60 ? seconds + " s" : Math.floor(seconds / 60) + " min " + (seconds % 60) + " s";
  };

  const look = async () => {
    let answer = {};
    try { answer = await ask(); } catch { /* no connection */ }
    const { status, date, reached, gone } = answer;
    const now = performance.now();
    if (status) {
      const dead = isDead(status, date, now);
      const fill = (text) => text.replace("{stage}", status.stage).replace("{stages}", status.stages);
      show("state", fill(dead ? page.stopped : page[status.doing]));
      show("detail", dead ? page.later : page.lasting.replace("{time}", lasting(status.heartbeat - status.since)));
    } else if (gone && known) {
      location.reload();
      return;
    } else if (known && now - moved > page.lease) {
      show("state", page.silent);
      show("detail", page.later);
    }
    // No status of ours is served here: then the page itself is asked for again, as it would be without this script.
    if (reached && !known) setTimeout(() => location.reload(), page.refresh);
    else setTimeout(look, page.poll);
  };
  look();
})();
