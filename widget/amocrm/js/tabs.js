/*
 * Several tabs of one user: one of them holds the connection, and one shows the cards.
 *
 * The connection belongs to whoever holds the lock, which a closed or frozen tab gives up. Cards stand in the tab that
 * was looked at last, whichever holds the connection. Where a browser has no locks, each tab has its own connection.
 */
define([], function () {
  'use strict';

  return function (name) {
    var id = String(Math.random()).slice(2);
    var hears = {};
    var release = null;
    var stopped = false;
    var shared = typeof BroadcastChannel === 'function' && navigator.locks;
    var channel = shared ? new BroadcastChannel(name) : null;

    function put(key, value) {
      try { localStorage.setItem(name + ':' + key, value); } catch (error) { /* a browser that keeps nothing */ }
    }

    function get(key) {
      try { return localStorage.getItem(name + ':' + key) || ''; } catch (error) { return id; }
    }

    function tell(kind, value) {
      (hears[kind] || []).forEach(function (hear) { hear(value); });
    }

    function say(kind, value) {
      if (channel && !stopped) { channel.postMessage({ kind: kind, value: value }); }
    }

    function claim() {
      put('front', id);
      say('front', id);
      tell('front', id);
    }

    function look() {
      if (document.visibilityState === 'visible' && get('front') !== id) { claim(); }
    }

    function leave() {
      if (get('front') !== id) { return; }
      put('front', '');
      say('front', '');
    }

    if (channel) {
      channel.onmessage = function (event) {
        tell(event.data.kind, event.data.value);
        // Who was in front is gone: whoever can be seen steps forward, else whoever holds the connection.
        if (event.data.kind === 'front' && !event.data.value && (release || document.visibilityState === 'visible')) {
          claim();
        }
      };
    }
    window.addEventListener('focus', look);
    document.addEventListener('visibilitychange', look);
    window.addEventListener('pagehide', leave);
    if (document.hasFocus() || !get('front')) { look(); }

    return {
      on: function (kind, hear) { (hears[kind] = hears[kind] || []).push(hear); },
      say: say,
      inFront: function () { return get('front') === id; },
      get: get,
      put: put,

      // Calls `begin` once this tab is the one that holds the connection.
      lead: function (begin) {
        if (!shared) {
          release = function () {};
          begin();
          return;
        }
        navigator.locks.request(name, function () {
          if (stopped) { return undefined; }
          begin();
          return new Promise(function (resolve) { release = resolve; });
        });
      },

      stop: function () {
        leave();
        stopped = true;
        window.removeEventListener('focus', look);
        document.removeEventListener('visibilitychange', look);
        window.removeEventListener('pagehide', leave);
        if (release) { release(); }
        if (channel) { channel.close(); }
      }
    };
  };
});
