// Twig as widgets' templates use it: {{ value }}, |raw, |e, {% if %}, {% else %}, {% for one in all %}.
(function () {
  "use strict";

  const escaped = (value) => String(value ?? "").replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
  const nothing = (value) => value === undefined || value === null || value === false || value === "" || value === 0 || (Array.isArray(value) && !value.length);

  function look(expression, names) {
    const text = expression.trim();
    if (/^not\s/.test(text)) return nothing(look(text.slice(4), names));
    const same = text.match(/^(.+?)\s*(==|!=)\s*(.+)$/);
    if (same) return (String(look(same[1], names)) === String(look(same[3], names))) === (same[2] === "==");
    if (/^(["']).*\1$/.test(text)) return text.slice(1, -1);
    if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
    return text.split(".").reduce((found, name) => found?.[name.trim()], names);
  }

  function parse(tokens, ends) {
    const nodes = [];
    while (tokens.length) {
      const token = tokens.shift();
      if (token.startsWith("{{")) nodes.push({ show: token.slice(2, -2) });
      else if (token.startsWith("{%")) {
        const said = token.slice(2, -2).replace(/^-|-$/g, "").trim();
        if (ends.includes(said)) return [nodes, said];
        const loop = said.match(/^for\s+(\w+)(?:\s*,\s*(\w+))?\s+in\s+(.+)$/);
        if (loop) nodes.push({ key: loop[2] && loop[1], one: loop[2] || loop[1], all: loop[3], body: parse(tokens, ["endfor"])[0] });
        else if (said.startsWith("if ")) {
          const [yes, end] = parse(tokens, ["else", "endif"]);
          nodes.push({ test: said.slice(3), yes, no: end === "else" ? parse(tokens, ["endif"])[0] : [] });
        } else throw new Error(`this template language has no {% ${said} %}`);
      } else if (!token.startsWith("{#")) nodes.push(token);
    }
    return [nodes, ""];
  }

  function write(nodes, names) {
    return nodes.map((node) => {
      if (typeof node === "string") return node;
      if (node.show !== undefined) {
        const [expression, ...filters] = node.show.split("|");
        const value = look(expression, names);
        return filters.map((one) => one.trim()).includes("raw") ? String(value ?? "") : escaped(value);
      }
      if (node.all) return Object.entries(look(node.all, names) || {}).map(([key, one]) => write(node.body, { ...names, [node.one]: one, ...(node.key && { [node.key]: key }) })).join("");
      return write(nothing(look(node.test, names)) ? node.no : node.yes, names);
    }).join("");
  }

  window.TWIG = (source, names) => write(parse(source.split(/(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})/s).filter(Boolean), [])[0], names || {});
})();
