// The report's behaviour: the list of findings with its filters, the matrix and its strips, the tables of special inputs.
// Everything that comes from the data is set as text, never as HTML.
"use strict";
(async () => {
  const byId = (id) => document.getElementById(id);

  // Base64 of JSON compressed with zlib; text by text it would be six times as large.
  async function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
  }

  let data;
  try {
    data = await unpack(byId("data").textContent);
  } catch {
    byId("not-unpacked").hidden = false;
    return;
  }

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== ""));
    return made;
  }

  function glyph(key) {
    const state = data.states[key] || { glyph: "", tone: "quiet", label: key };
    return element("span", { class: `glyph tone-${state.tone}`, role: "img", "aria-label": state.label, title: state.label }, state.glyph);
  }

  const number = (n) => Number(n).toLocaleString("en");

  // ---- findings and filters -------------------------------------------------------------------------------------------

  const facets = [
    ["severity", (f) => [f.severity]],
    ["status", (f) => [f.status]],
    ["subject", (f) => [f.subject]],
    ["function", (f) => [f.function]],
    ["dtype", (f) => f.dtypes],
  ];
  const chosen = Object.fromEntries(facets.map(([name]) => [name, new Set()]));
  chosen.id = new Set();
  let words = "";
  let needles = [""];

  const haystacks = new Map(data.findings.map((f) => [f, [
    f.id, f.function, f.rule, `${f.function}.${f.rule}`, f.level, f.severity, f.status, f.subject, f.region, f.message, f.parameters,
    ...f.entry_points, ...f.dtypes, ...f.modes,
  ].join(" ").toLowerCase()]));

  function fits(finding, without = "") {
    if (chosen.id.size && !chosen.id.has(finding.id)) return false;
    for (const [name, of] of facets) {
      if (name !== without && chosen[name].size && !of(finding).some((value) => chosen[name].has(value))) return false;
    }
    const text = haystacks.get(finding);
    return needles.every((word) => text.includes(word));
  }

  function fourLines(text) {
    const list = element("dl", { class: "fourlines" });
    for (const line of text.split("\n")) {
      list.append(element("dt", {}, line.slice(0, 10).trim()), element("dd", {}, line.slice(10)));
    }
    return list;
  }

  function code(title, text) {
    const button = element("button", { type: "button" }, "Copy");
    button.addEventListener("click", async () => {
      button.textContent = (await copy(text)) ? "Copied" : "Press Ctrl-C";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    return element("div", { class: "code" }, element("h5", {}, title), element("pre", {}, text), button);
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = element("textarea", { "aria-hidden": "true" });
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  function numbers(worst) {
    const rows = [
      ["input", worst.input.join("; "), worst.input_bits.join(", ")],
      ["observed", worst.observed, worst.observed_bits],
      ["truth", worst.truth, ""],
      ["error", worst.ulp, `absolute ${worst.absolute}`],
    ];
    const body = element("tbody");
    for (const [name, decimal, other] of rows) {
      body.append(element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, element("code", {}, decimal)), element("td", {}, element("code", {}, other))));
    }
    return element("table", { class: "quiet" },
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, `worst input, ${worst.dtype}, ${worst.mode}`), element("th", { scope: "col" }, "decimal"), element("th", { scope: "col" }, "bits"))), body);
  }

  function detail(finding) {
    const made = element("div", { class: "detail" });
    if (finding.sentence) made.append(element("p", { class: "sentence" }, `${finding.sentence} (${finding.level})`));
    made.append(fourLines(finding.lines));
    // The four lines are capped; what they cut off is said below them.
    if (!finding.lines.includes(finding.message.split("\n")[0])) made.append(element("p", {}, finding.message));
    if (finding.reason) {
      const link = finding.link ? element("a", { href: finding.link, rel: "noreferrer" }, finding.link) : "";
      made.append(element("p", {}, `${finding.status === "stale" ? "Was expected" : "Expected"}: ${finding.reason} `, link));
    }
    if (finding.worst) made.append(element("div", { class: "scroll" }, numbers(finding.worst)));
    const facts = [
      ["entry points", finding.entry_points.join(", ")], ["dtypes", finding.dtypes.join(", ")], ["modes", finding.modes.join(", ")],
      ["parameters", finding.parameters], ["region", finding.region],
      ["share", `${number(finding.deviating)} of ${number(finding.checked)} comparisons deviate`], ["id", finding.id],
    ].filter(([, value]) => value);
    const list = element("dl", { class: "reasons" });
    for (const [name, value] of facts) list.append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
    made.append(list);
    if (finding.reproducer) made.append(code("Reproduce it with nothing but the framework", finding.reproducer));
    return made;
  }

  function line(finding) {
    const status = finding.status === "new" ? "" : element("span", { class: "status" }, finding.status);
    const summary = element("summary", {},
      glyph(finding.severity),
      element("span", { class: "severity" }, finding.severity),
      element("span", { class: "rule" }, finding.function === "*" ? "all functions" : finding.function, element("span", {}, ` ${finding.rule} `), status),
      element("span", { class: "subject" }, finding.subject),
      element("span", { class: "where" }, finding.dtypes.join(", ")),
      element("span", { class: "gist" }, finding.gist),
      element("span", { class: "error" }, finding.error));
    const made = element("details", {}, summary);
    made.addEventListener("toggle", () => {
      if (made.open && made.children.length === 1) made.append(detail(finding));
    });
    return element("li", { "data-id": finding.id }, made);
  }

  const items = new Map();

  function showFindings() {
    const list = byId("finding-list");
    if (!list) return;
    needles = words.toLowerCase().split(/\s+/);
    let shown = 0;
    let above = "";
    for (const [finding, item] of items) {
      item.hidden = !fits(finding);
      if (item.hidden) continue;
      shown += 1;
      const alike = [finding.status, finding.severity, finding.function, finding.subject].join(" ");
      item.classList.toggle("again", alike === above);
      above = alike;
    }
    byId("tally").textContent = shown === data.findings.length ? `All ${number(shown)} findings.` : `${number(shown)} of ${number(data.findings.length)} findings.`;
    byId("clear").hidden = !words && !Object.values(chosen).some((values) => values.size);
    for (const chip of document.querySelectorAll(".chip")) {
      const { facet, value } = chip.dataset;
      const of = facets.find(([name]) => name === facet)[1];
      const count = data.findings.filter((f) => of(f).includes(value) && fits(f, facet)).length;
      chip.setAttribute("aria-pressed", String(chosen[facet].has(value)));
      chip.classList.toggle("none", count === 0);
      chip.querySelector(".n").textContent = number(count);
    }
  }

  function query() {
    const parameters = new URLSearchParams();
    for (const [name, values] of Object.entries(chosen)) for (const value of values) parameters.append(name, value);
    if (words) parameters.set("q", words);
    const text = parameters.toString();
    return text ? `#findings?${text}` : "#findings";
  }

  function changed() {
    history.replaceState(null, "", query());
    showFindings();
  }

  function readHash() {
    const [place, text] = decodeHash();
    if (place !== "findings") return;
    const parameters = new URLSearchParams(text);
    for (const name of Object.keys(chosen)) chosen[name] = new Set(parameters.getAll(name));
    words = parameters.get("q") || "";
    if (byId("search")) byId("search").value = words;
    showFindings();
    if (text !== undefined) byId("findings").scrollIntoView();
    if (chosen.id.size === 1) {
      const item = [...items.values()].find((candidate) => !candidate.hidden);
      if (item) item.firstChild.open = true;
    }
  }

  function decodeHash() {
    const hash = location.hash.slice(1);
    const mark = hash.indexOf("?");
    return mark < 0 ? [hash, undefined] : [hash.slice(0, mark), hash.slice(mark + 1)];
  }

  // The order that a reader knows from the rest of the page; what it lacks comes last.
  function inOrder(name, values) {
    const known = { subject: data.subjects.map((subject) => subject.id), function: Object.keys(data.rules), dtype: Object.keys(data.formats) }[name];
    if (!known) return values;
    const place = (value) => (known.includes(value) ? known.indexOf(value) : known.length);
    return values.sort((one, other) => place(one) - place(other));
  }

  function buildFindings() {
    const list = byId("finding-list");
    if (!list) return;
    for (const finding of data.findings) items.set(finding, line(finding));
    list.append(...items.values());
    for (const [name, of] of facets) {
      const values = inOrder(name, [...new Set(data.findings.flatMap(of))]);
      if (values.length < 2) continue;
      const chips = element("div", { class: "chips" });
      const row = element("div", { class: "facet", role: "group", "aria-label": name }, element("span", { class: "name" }, name), chips);
      for (const value of values) {
        const chip = element("button", { type: "button", class: "chip", "data-facet": name, "data-value": value, "aria-pressed": "false" },
          name === "severity" ? glyph(value) : "", `${value === "*" ? "all functions" : value} `, element("span", { class: "n" }));
        chip.addEventListener("click", () => {
          if (!chosen[name].delete(value)) chosen[name].add(value);
          changed();
        });
        chips.append(chip);
      }
      byId("chips").append(row);
    }
    byId("search").addEventListener("input", (event) => { words = event.target.value.trim(); changed(); });
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("clear").addEventListener("click", () => {
      for (const name of Object.keys(chosen)) chosen[name] = new Set();
      words = byId("search").value = "";
      changed();
    });
  }

  // ---- the matrix -----------------------------------------------------------------------------------------------------

  // A byte b stands for error/bar = 2^((b − 2)/8) − 1; 1 is correctly rounded, 0 was not asked.
  const ratio = (byte) => 2 ** ((byte - 2) / 8) - 1;
  const HEIGHT = 14;

  function shade(byte) {
    if (byte <= 1) return 1;
    const times = ratio(byte);
    return times <= 1 ? 2 : times < 10 ? 3 : times < 1e6 ? 4 : 5;
  }

  let view = "all";

  function heatColours() {
    const style = getComputedStyle(document.documentElement);
    return [1, 2, 3, 4, 5].map((n) => style.getPropertyValue(`--heat${n}`));
  }

  function paint(canvas, bytes, colours) {
    canvas.height = HEIGHT;
    canvas.width = Math.max(bytes.length, 1);
    const drawing = canvas.getContext("2d");
    bytes.forEach((byte, place) => {
      if (!byte) return;
      // Height says the same as colour: 2 px correctly rounded, 6 px at the bar, full height at 10⁶ times the bar.
      const tall = byte <= 1 ? 2 : byte <= 10 ? 2 + (byte - 1) * 4 / 9 : 6 + Math.min(1, (byte - 10) / 151) * (HEIGHT - 6);
      drawing.fillStyle = colours[shade(byte) - 1];
      drawing.fillRect(place, HEIGHT - tall, 1, tall);
    });
  }

  const strips = new Map();
  const cells = [];

  // In the file a cell is words alone: there are thousands, and each would say where it stands.
  function makeCells() {
    for (const body of document.querySelectorAll(".matrix tbody[data-function]")) {
      const name = body.dataset.function;
      for (const row of body.rows) {
        const { dtype } = row.dataset;
        [...row.querySelectorAll("td")].forEach((cell, column) => {
          const subject = data.subjects[column].id;
          cell.dataset.key = `${name}/${dtype}/${subject}`;
          const link = element("a", { href: `#findings?${new URLSearchParams({ function: name, dtype, subject })}` },
            element("span", { class: "glyph", "aria-hidden": "true" }), element("span", { class: "said" }), element("span", { class: "worst" }));
          cell.replaceChildren(link);
          // Only functions of one number have a line along which errors could be drawn.
          if (!data.of_tensors.includes(name)) cell.append(element("canvas", { width: "240", height: "10", "aria-hidden": "true" }));
          cells.push(cell);
        });
      }
    }
  }

  function showMatrix() {
    const colours = heatColours();
    for (const cell of cells) {
      const [key, worst, title, strip] = data.cells[cell.dataset.key][view];
      const state = data.states[key];
      cell.className = `cell tone-${state.tone}`;
      cell.title = title;
      cell.querySelector(".glyph").textContent = state.glyph;
      cell.querySelector(".said").textContent = state.label;
      cell.querySelector(".worst").textContent = worst;
      const canvas = cell.querySelector("canvas");
      if (!canvas) continue;
      const bytes = Array.from(atob(strip), (character) => character.charCodeAt(0));
      strips.set(canvas, bytes);
      paint(canvas, bytes, colours);
    }
  }

  function inputAt(share, dtype) {
    const { precision, emax } = data.formats[dtype];
    const binades = Math.abs(2 * share - 1) * (2 * emax + 1);
    const exponent = Math.floor(binades);
    const rest = binades - exponent;
    const size = exponent === 0 ? rest * 2 ** (1 - emax) : (1 + rest) * 2 ** (Math.min(exponent, 2 * emax) - emax);
    return (share < 0.5 ? -size : size).toPrecision(precision < 12 ? 2 : 3);
  }

  function describe(canvas, event) {
    const bytes = strips.get(canvas);
    if (!bytes || !bytes.length) return "";
    const box = canvas.getBoundingClientRect();
    const bin = Math.min(bytes.length - 1, Math.max(0, Math.floor((event.clientX - box.left) / box.width * bytes.length)));
    const dtype = canvas.closest(".cell").dataset.key.split("/")[1];
    const where = `x from ${inputAt(bin / bytes.length, dtype)} to ${inputAt((bin + 1) / bytes.length, dtype)}`;
    const byte = bytes[bin];
    if (byte === 0) return `${where}: nothing asked`;
    if (byte === 1) return `${where}: correctly rounded`;
    return `${where}: error ${byte === 255 ? "at least " : ""}${ratio(byte).toPrecision(2)} × the bar`;
  }

  function buildMatrix() {
    for (const button of document.querySelectorAll("#views button")) {
      button.addEventListener("click", () => {
        view = button.dataset.view;
        for (const other of document.querySelectorAll("#views button")) other.setAttribute("aria-pressed", String(other === button));
        showMatrix();
      });
    }
    const tip = element("div", { id: "tip", hidden: "" });
    document.body.append(tip);
    const table = document.querySelector(".matrix");
    table.addEventListener("mousemove", (event) => {
      const text = event.target.tagName === "CANVAS" ? describe(event.target, event) : "";
      tip.hidden = !text;
      tip.textContent = text;
      tip.style.left = `${Math.min(event.clientX + 12, innerWidth - 340)}px`;
      tip.style.top = `${event.clientY + 18}px`;
    });
    table.addEventListener("mouseleave", () => { tip.hidden = true; });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      const colours = heatColours();
      for (const [canvas, bytes] of strips) paint(canvas, bytes, colours);
    });
    makeCells();
    showMatrix();
  }

  // ---- special inputs -------------------------------------------------------------------------------------------------

  function buildExhibits(place) {
    const tables = data.exhibits[place.dataset.function] || {};
    const names = Object.keys(tables);
    const ofTensors = data.of_tensors.includes(place.dataset.function);
    if (!names.length) {
      place.append(element("p", {}, ofTensors ? "No place was asked in this run." : "No special input was asked in this run."));
      return;
    }
    const label = (part, option) => (part === "quantity" && !ofTensors && data.quantities[option]) || option;
    const split = (name) => { const [quantity, dtype, ...rest] = name.split("/"); return [quantity, dtype, rest.join("/")]; };
    const parts = ["quantity", "dtype", "parameters"];
    const current = split(names[0]);
    const controls = element("div", { class: "controls" });
    const frame = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Special inputs of ${place.dataset.function}, scrolls sideways` });
    const only = element("input", { type: "checkbox" });
    // Of functions of tensors there are forty rows and more: those where frameworks differ come first.
    only.checked = ofTensors && tables[names[0]].some((row) => row[2]);

    function show() {
      const rows = tables[current.join("/")];
      frame.replaceChildren(rows ? exhibitTable(rows, only.checked, ofTensors ? "place" : "x") : element("p", {}, "This combination was not asked."));
    }

    parts.forEach((part, place_) => {
      const options = [...new Set(names.map((name) => split(name)[place_]))];
      if (options.length < 2) {
        if (options[0]) controls.append(element("span", {}, label(part, options[0])));
        return;
      }
      const select = element("select", { "aria-label": part });
      for (const option of options) select.append(element("option", { value: option }, label(part, option)));
      select.addEventListener("change", () => { current[place_] = select.value; show(); });
      controls.append(element("label", {}, `${part} `, select));
    });
    only.addEventListener("change", show);
    controls.append(element("label", {}, only, " only where they differ"));
    place.append(controls, frame);
    show();
  }

  // Those of functions of tensors have forty rows each: they are made when their section comes near, or before printing.
  function buildWhenNear(places) {
    const later = new Map(places.filter((place) => data.of_tensors.includes(place.dataset.function)).map((place) => [place.closest(".function"), place]));
    const build = (section) => {
      const place = later.get(section);
      if (later.delete(section)) buildExhibits(place);
    };
    const observer = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) build(entry.target);
    }, { rootMargin: "1500px" });
    places.filter((place) => !later.has(place.closest(".function"))).forEach(buildExhibits);
    for (const section of later.keys()) observer.observe(section);
    addEventListener("beforeprint", () => [...later.keys()].forEach(build));
  }

  function exhibitTable(rows, onlyDiffering, input_) {
    const head = element("tr", {}, element("th", { scope: "col" }, input_), element("th", { scope: "col" }, "truth"));
    const asked = data.subjects.map((_, column) => rows.some((row) => row[3][column].length));
    data.subjects.forEach((subject, column) => { if (asked[column]) head.append(element("th", { scope: "col" }, subject.id)); });
    head.append(element("th", { scope: "col" }, ""));
    const body = element("tbody");
    for (const [input, truth, mark, cells] of rows) {
      if (onlyDiffering && !mark) continue;
      const row = element("tr", { class: mark === "differ" ? "differ" : null }, element("th", { scope: "row" }, input), element("td", {}, truth));
      cells.forEach((cell, column) => { if (asked[column]) row.append(exhibitCell(cell)); });
      const says = { differ: ["≠", "they differ in kind: NaN, infinity, the sign of zero, a number, an error"], digits: ["≈", "they differ in digits"] }[mark];
      row.append(element("td", {}, says ? element("span", { class: "mark", role: "img", "aria-label": says[1], title: says[1] }, says[0]) : ""));
      body.append(row);
    }
    if (!body.children.length) body.append(element("tr", {}, element("td", { colspan: String(head.children.length) }, "They agree everywhere.")));
    return element("table", { class: "quiet" }, element("thead", {}, head), body);
  }

  function exhibitCell(cell) {
    if (typeof cell === "string") return element("td", {}, cell);
    const made = element("td");
    if (!cell.length) made.append(element("small", {}, "–"));
    for (const [observed, verdict, entryPoints, parameters] of cell) {
      const deviates = verdict === "deviates";
      const mark = deviates ? element("span", { class: "glyph tone-bad", role: "img", "aria-label": "deviates", title: "deviates" }, "✕") : "";
      made.append(element("div", { title: `${verdict}: ${entryPoints.join(", ")}` }, mark, observed));
      const said = [cell.length > 1 ? entryPoints.join(", ") : "", parameters || ""].filter(Boolean).join("; with ");
      if (said) made.append(element("small", {}, cell.length > 1 ? said : `with ${said}`));
    }
    return made;
  }

  // ---- rules ----------------------------------------------------------------------------------------------------------

  function buildRules(place) {
    const head = element("tr");
    for (const title of ["rule", "level", "sentence", ...data.subjects.map((subject) => subject.id)]) head.append(element("th", { scope: "col" }, title));
    const bodies = new Map();
    for (const [name, level, sentence, number_, states, family] of data.rules[place.dataset.function]) {
      if (!bodies.has(family)) {
        const title = element("th", { scope: "rowgroup", colspan: String(3 + data.subjects.length) }, family);
        bodies.set(family, element("tbody", {}, element("tr", { class: "family" }, title)));
      }
      const [title, link] = data.sources[number_] || ["", ""];
      const source = element("small", {}, /^https?:/.test(link) ? element("a", { href: link, rel: "noreferrer" }, title) : title);
      const row = element("tr", {}, element("th", { scope: "row" }, element("code", {}, name)), element("td", {}, level), element("td", {}, `${sentence} `, source));
      states.forEach(([key, words_], column) => {
        const mark = glyph(key);
        mark.title = `${data.subjects[column].id}: ${words_}`;
        row.append(element("td", { class: "center" }, mark));
      });
      bodies.get(family).append(row);
    }
    place.append(element("table", { class: "quiet" }, element("thead", {}, head), ...bodies.values()));
  }

  function buildPlaces(list) {
    for (const [name, numbers_] of data.places[list.dataset.function]) list.append(element("div", {}, element("dt", {}, name), element("dd", {}, numbers_)));
  }

  function buildReport(place) {
    place.textContent = data.reports[place.dataset.report];
  }

  // ---- keyboard -------------------------------------------------------------------------------------------------------

  function step(by) {
    const visible = [...items.values()].filter((item) => !item.hidden);
    if (!visible.length) return;
    const at = visible.findIndex((item) => item.contains(document.activeElement));
    const next = visible[Math.min(visible.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    next.querySelector("summary").focus();
    next.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (event.key === "Escape" && typing) event.target.blur();
    if (typing) return;
    const act = { "/": () => byId("search") && byId("search").focus(), j: () => step(1), k: () => step(-1), "?": () => byId("help").showModal() }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  byId("help-button").addEventListener("click", () => byId("help").showModal());

  buildFindings();
  buildMatrix();
  buildWhenNear([...document.querySelectorAll(".exhibits")]);
  // Hundreds of rows that few readers open: made when they are opened.
  for (const [kind, build] of [[".rules", buildRules], [".places", buildPlaces], [".upstream pre", buildReport]]) {
    for (const place of document.querySelectorAll(kind)) place.closest("details").addEventListener("toggle", () => build(place), { once: true });
  }
  showFindings();
  addEventListener("hashchange", readHash);
  readHash();
  performance.mark("ready");
  document.documentElement.dataset.ready = "yes";
})();
