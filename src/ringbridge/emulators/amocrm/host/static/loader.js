// define and require, as far as an AMD widget needs them.
(function () {
  "use strict";

  const modules = new Map(); // name or address -> a promise of what it is
  let waiting = null; // the anonymous module of the script that has just run

  function define(name, needs, factory) {
    if (typeof name !== "string") [name, needs, factory] = [null, name, needs];
    if (!Array.isArray(needs)) [needs, factory] = [[], needs];
    if (name) modules.set(name, make(needs, factory));
    else waiting = { needs, factory };
  }
  define.amd = { jQuery: true };

  async function make(needs, factory) {
    const parts = await Promise.all(needs.map(load));
    return typeof factory === "function" ? factory(...parts) : factory;
  }

  function load(name) {
    if (modules.has(name)) return modules.get(name);
    const base = window.HOST.path;
    const address = /^(https?:)?\/\//.test(name) || name.startsWith("/") ? name : /^\.{0,2}\//.test(name) || name.includes("/js/") || name.startsWith("js/") ? new URL(name, new URL(base + "/", location.href)).href : null;
    if (!address) return Promise.reject(new Error(`the platform has no module ${name}`));
    const found = script(/\.js($|\?)/.test(address) ? address : address + ".js");
    modules.set(name, found);
    return found;
  }

  function script(address) {
    return new Promise((good, bad) => {
      const element = document.createElement("script");
      element.src = address;
      element.onerror = () => bad(new Error(`${address} cannot be loaded`));
      element.onload = () => {
        const { needs, factory } = waiting || { needs: [], factory: undefined };
        waiting = null;
        make(needs, factory).then(good, bad);
      };
      document.head.append(element);
    });
  }

  function require(needs, ready, failed) {
    if (typeof needs === "string") return load(needs);
    return Promise.all(needs.map(load)).then((parts) => ready && ready(...parts), failed);
  }
  require.config = () => {};

  window.define = define;
  window.require = window.requirejs = require;
  define("jquery", [], () => window.$);
})();
