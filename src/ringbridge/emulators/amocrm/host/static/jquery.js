// The part of jQuery that widgets commonly use, in the platform's stead: what is not here, a widget cannot lean on.
(function () {
  "use strict";

  const bags = new WeakMap(); // element -> what .data() keeps
  const heard = new WeakMap(); // element -> its listeners, for .off()

  class Bundle {
    constructor(elements) {
      this.length = 0;
      for (const one of elements) if (one) this[this.length++] = one;
    }
    [Symbol.iterator]() { return this.toArray()[Symbol.iterator](); }
    toArray() { return Array.prototype.slice.call(this); }
    get(at) { return at === undefined ? this.toArray() : this[at < 0 ? this.length + at : at]; }
    eq(at) { return $([this.get(at)]); }
    first() { return this.eq(0); }
    last() { return this.eq(-1); }
    each(act) { this.toArray().every((one, at) => act.call(one, at, one) !== false); return this; }
    map(act) { return $(this.toArray().flatMap((one, at) => act.call(one, at, one))); }
    find(selector) { return $(this.toArray().flatMap((one) => [...one.querySelectorAll(selector)])); }
    filter(test) {
      return $(this.toArray().filter((one, at) => (typeof test === "function" ? test.call(one, at, one) : one.matches(test))));
    }
    not(selector) { return $(this.toArray().filter((one) => !one.matches(selector))); }
    is(selector) {
      return this.toArray().some((one) => (selector === ":checked" ? one.checked : selector === ":visible" ? !!one.offsetParent : one.matches(selector)));
    }
    closest(selector) { return $(this.toArray().map((one) => one.closest(selector))); }
    parent() { return $(this.toArray().map((one) => one.parentElement)); }
    parents(selector) { return this.parent().closest(selector || "*"); }
    children(selector) { return $(this.toArray().flatMap((one) => [...one.children])).filter(selector || "*"); }
    next() { return $(this.toArray().map((one) => one.nextElementSibling)); }
    prev() { return $(this.toArray().map((one) => one.previousElementSibling)); }
    siblings() { return $(this.toArray().flatMap((one) => [...one.parentElement.children].filter((other) => other !== one))); }
    index() { return this[0] ? [...this[0].parentElement.children].indexOf(this[0]) : -1; }

    html(content) {
      if (content === undefined) return this[0] && this[0].innerHTML;
      return this.empty().append(content);
    }
    text(content) {
      if (content === undefined) return this.toArray().map((one) => one.textContent).join("");
      return this.each((_, one) => { one.textContent = content; });
    }
    val(content) {
      if (content === undefined) return this[0] && this[0].value;
      return this.each((_, one) => { one.value = content; });
    }
    attr(name, content) {
      if (typeof name === "object") { for (const key in name) this.attr(key, name[key]); return this; }
      if (content === undefined) return this[0] ? this[0].getAttribute(name) ?? undefined : undefined;
      return this.each((_, one) => { content === null ? one.removeAttribute(name) : one.setAttribute(name, content); });
    }
    removeAttr(name) { return this.attr(name, null); }
    prop(name, content) {
      if (content === undefined) return this[0] && this[0][name];
      return this.each((_, one) => { one[name] = content; });
    }
    data(name, content) {
      const bag = (one) => bags.get(one) || bags.set(one, {}).get(one);
      if (content !== undefined) return this.each((_, one) => { bag(one)[name] = content; });
      if (!this[0]) return undefined;
      const all = { ...parsed(this[0].dataset), ...bag(this[0]) };
      return name === undefined ? all : all[name.replace(/-(\w)/g, (_, sign) => sign.toUpperCase())] ?? all[name];
    }
    css(name, content) {
      if (typeof name === "string" && content === undefined) return this[0] && getComputedStyle(this[0]).getPropertyValue(name);
      const rules = typeof name === "string" ? { [name]: content } : name;
      return this.each((_, one) => {
        for (const key in rules) one.style.setProperty(key.replace(/[A-Z]/g, (sign) => "-" + sign.toLowerCase()), typeof rules[key] === "number" ? rules[key] + "px" : rules[key]);
      });
    }
    addClass(names) { return this.each((_, one) => { one.classList.add(...words(names)); }); }
    removeClass(names) { return this.each((_, one) => { one.classList.remove(...words(names)); }); }
    toggleClass(names, on) { return this.each((_, one) => { for (const name of words(names)) one.classList.toggle(name, on); }); }
    hasClass(name) { return this.toArray().some((one) => one.classList.contains(name)); }
    show() { return this.each((_, one) => { one.hidden = false; one.style.display = one.style.display === "none" ? "" : one.style.display; }); }
    hide() { return this.each((_, one) => { one.style.display = "none"; }); }
    toggle(on) { return this.each((_, one) => { $(one)[on ?? one.style.display === "none" ? "show" : "hide"](); }); }
    append(...content) { return this.put(content, (one, nodes) => one.append(...nodes)); }
    prepend(...content) { return this.put(content, (one, nodes) => one.prepend(...nodes)); }
    before(...content) { return this.put(content, (one, nodes) => one.before(...nodes)); }
    after(...content) { return this.put(content, (one, nodes) => one.after(...nodes)); }
    replaceWith(...content) { return this.put(content, (one, nodes) => one.replaceWith(...nodes)); }
    appendTo(target) { $(target).append(this); return this; }
    prependTo(target) { $(target).prepend(this); return this; }
    put(content, place) {
      const last = this.length - 1;
      return this.each((at, one) => {
        const nodes = content.flat().flatMap(nodesOf);
        place(one, at === last ? nodes : nodes.map((node) => node.cloneNode(true)));
      });
    }
    remove() { return this.each((_, one) => one.remove()); }
    detach() { return this.remove(); }
    empty() { return this.each((_, one) => one.replaceChildren()); }
    focus() { if (this[0]) this[0].focus(); return this; }
    clone() { return $(this.toArray().map((one) => one.cloneNode(true))); }
    serializeArray() {
      const fields = this.toArray().flatMap((one) => (one.elements ? [...one.elements] : [one]));
      return fields.filter((one) => one.name && !one.disabled && (one.type !== "checkbox" || one.checked)).map(({ name, value }) => ({ name, value }));
    }

    on(names, selector, act) {
      if (typeof names === "object") { for (const key in names) this.on(key, selector, names[key]); return this; }
      if (typeof selector === "function") [selector, act] = [null, selector];
      return this.each((_, one) => {
        for (const name of words(names)) listen(one, name, selector, act);
      });
    }
    off(names, selector, act) {
      if (typeof selector === "function") [selector, act] = [null, selector];
      return this.each((_, one) => {
        heard.set(one, (heard.get(one) || []).filter((known) => {
          const gone = (!names || words(names).some((name) => matches(known, name))) && (!selector || known.selector === selector) && (!act || known.act === act);
          if (gone) one.removeEventListener(known.type, known.heard);
          return !gone;
        }));
      });
    }
    trigger(name, more) {
      const type = typeof name === "string" ? name.split(".")[0] : name.type;
      return this.each((_, one) => {
        if (type === "click" && one.click) one.click();
        else one.dispatchEvent(new CustomEvent(type, { bubbles: true, cancelable: true, detail: more }));
      });
    }
    click(act) { return act ? this.on("click", act) : this.trigger("click"); }
    change(act) { return act ? this.on("change", act) : this.trigger("change"); }
    ready(act) { $(act); return this; }
  }

  function listen(one, name, selector, act) {
    const [type, ...spaces] = name.split(".");
    const handle = (event) => {
      const target = selector ? event.target.closest && event.target.closest(selector) : one;
      if (!target || !one.contains(target)) return;
      if (act.call(target, event, event.detail) === false) { event.preventDefault(); event.stopPropagation(); }
    };
    one.addEventListener(type, handle);
    heard.set(one, [...(heard.get(one) || []), { type, spaces, selector, act, heard: handle }]);
  }

  function matches(known, name) {
    const [type, ...spaces] = name.split(".");
    return (!type || known.type === type) && spaces.every((space) => known.spaces.includes(space));
  }

  function words(text) { return String(text).split(/\s+/).filter(Boolean); }

  function parsed(dataset) {
    const result = {};
    for (const key in dataset) {
      try { result[key] = JSON.parse(dataset[key]); } catch { result[key] = dataset[key]; }
    }
    return result;
  }

  function nodesOf(content) {
    if (content === null || content === undefined) return [];
    if (content instanceof Bundle) return content.toArray();
    if (content instanceof Node) return [content];
    const template = document.createElement("template");
    template.innerHTML = String(content);
    for (const old of template.content.querySelectorAll("script")) {
      const fresh = document.createElement("script"); // one that is parsed does not run
      for (const { name, value } of old.attributes) fresh.setAttribute(name, value);
      fresh.textContent = old.textContent;
      old.replaceWith(fresh);
    }
    return [...template.content.childNodes];
  }

  function $(what, within) {
    if (what instanceof Bundle) return what;
    if (typeof what === "function") {
      if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => what($));
      else queueMicrotask(() => what($));
      return $(document);
    }
    if (typeof what === "string" && what.trim().startsWith("<")) return new Bundle(nodesOf(what.trim()));
    if (typeof what === "string") return within ? $(within).find(what) : new Bundle(document.querySelectorAll(what));
    if (Array.isArray(what)) return new Bundle(new Set(what));
    return new Bundle(what ? [what] : []);
  }

  $.fn = Bundle.prototype;
  $.each = (all, act) => { for (const [key, one] of Object.entries(all || {})) if (act.call(one, Array.isArray(all) ? +key : key, one) === false) break; return all; };
  $.map = (all, act) => Object.entries(all || {}).flatMap(([key, one]) => act(one, Array.isArray(all) ? +key : key) ?? []);
  $.extend = (deep, ...all) => (deep === true ? merge(...all) : Object.assign(deep, ...all));
  $.isArray = Array.isArray;
  $.isFunction = (one) => typeof one === "function";
  $.isPlainObject = (one) => Object.prototype.toString.call(one) === "[object Object]";
  $.isEmptyObject = (one) => !Object.keys(one || {}).length;
  $.inArray = (one, all) => all.indexOf(one);
  $.trim = (text) => String(text ?? "").trim();
  $.noop = () => {};
  $.parseJSON = JSON.parse;
  $.proxy = (act, self) => act.bind(self);

  function merge(target, ...all) {
    for (const one of all) for (const key in one) target[key] = $.isPlainObject(one[key]) ? merge(target[key] || {}, one[key]) : one[key];
    return target;
  }

  $.param = function (data) {
    const pairs = [];
    const add = (name, value) => {
      if (value !== null && typeof value === "object") for (const key in value) add(`${name}[${Array.isArray(value) && typeof value[key] !== "object" ? "" : key}]`, value[key]);
      else pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(value ?? "")}`);
    };
    for (const key in data) add(key, data[key]);
    return pairs.join("&");
  };

  $.Deferred = function () {
    let settle, refuse;
    let state = "pending";
    const told = new Promise((good, bad) => { settle = good; refuse = bad; });
    told.catch(() => {});
    const promise = {
      state: () => state,
      // What a callback returns is nobody's to wait for: a deferred that it rejects would be a rejection without a catch.
      done(...acts) { for (const act of acts.flat()) told.then((all) => { act(...all); }, () => {}); return promise; },
      fail(...acts) { for (const act of acts.flat()) told.catch((all) => { act(...all); }); return promise; },
      always(...acts) { return promise.done(...acts).fail(...acts); },
      then: (good, bad) => told.then(good && ((all) => good(...all)), bad ? (all) => bad(...all) : (all) => { throw all[0]; }),
      catch: (bad) => told.catch((all) => bad(...all)),
      promise: () => promise,
    };
    const end = (how, act) => (...all) => { if (state === "pending") { state = how; act(all); } return deferred; };
    const deferred = { ...promise, resolve: end("resolved", (all) => settle(all)), reject: end("rejected", (all) => refuse(all)), promise: () => promise };
    return deferred;
  };
  $.when = (...all) => {
    const deferred = $.Deferred();
    Promise.all(all).then((values) => deferred.resolve(...values), (error) => deferred.reject(error));
    return deferred.promise();
  };

  $.ajax = function (url, options) {
    const given = typeof url === "string" ? { ...options, url } : { ...url };
    const method = (given.method || given.type || "GET").toUpperCase();
    const type = given.contentType ?? "application/x-www-form-urlencoded; charset=UTF-8";
    let body = given.data !== null && typeof given.data === "object" && given.processData !== false ? $.param(given.data) : given.data;
    let address = given.url;
    if (body && (method === "GET" || method === "HEAD")) [address, body] = [address + (address.includes("?") ? "&" : "?") + body, undefined];
    const deferred = $.Deferred();
    const xhr = new XMLHttpRequest();
    xhr.open(method, address);
    if (body && type) xhr.setRequestHeader("Content-Type", type);
    if (new URL(address, location.href).origin === location.origin) xhr.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    for (const name in given.headers) xhr.setRequestHeader(name, given.headers[name]);
    if (given.beforeSend) given.beforeSend(xhr, given);
    xhr.timeout = given.timeout || 0;
    xhr.withCredentials = !!(given.xhrFields && given.xhrFields.withCredentials);
    const jqXHR = Object.assign(deferred.promise(), { abort: () => xhr.abort(), status: 0, getResponseHeader: (name) => xhr.getResponseHeader(name) });
    const fail = (why) => { Object.assign(jqXHR, { statusText: why }); if (given.error) given.error(jqXHR, why, ""); deferred.reject(jqXHR, why, ""); };
    xhr.onload = () => {
      const json = (xhr.getResponseHeader("content-type") || "").includes("json") || given.dataType === "json";
      let answer = xhr.responseText;
      Object.assign(jqXHR, { status: xhr.status, responseText: answer, statusText: xhr.statusText });
      try { if (json && answer) jqXHR.responseJSON = answer = JSON.parse(answer); }
      catch { if (xhr.status < 400) return fail("parsererror"); }
      if (xhr.status >= 400) return fail("error");
      if (given.success) given.success(answer, "success", jqXHR);
      deferred.resolve(answer, "success", jqXHR);
    };
    xhr.onerror = () => fail("error");
    xhr.ontimeout = () => fail("timeout");
    xhr.onabort = () => fail("abort");
    xhr.onloadend = () => given.complete && given.complete(jqXHR);
    xhr.send(body ?? null);
    return jqXHR;
  };
  $.get = (url, data, success) => $.ajax({ url, data: typeof data === "function" ? undefined : data, success: typeof data === "function" ? data : success });
  $.getJSON = (url, data, success) => $.ajax({ url, dataType: "json", data: typeof data === "function" ? undefined : data, success: typeof data === "function" ? data : success });
  $.post = (url, data, success, dataType) => $.ajax({ url, data, success, dataType, method: "POST" });

  window.$ = window.jQuery = $;
})();
