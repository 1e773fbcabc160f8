/* The open line to our server: a session, a socket, and again after a pause that grows. */
define([], function () {
  'use strict';

  var FIRST = 1000, LONGEST = 60000; // milliseconds between two attempts
  var SILENT = 60000; // the server speaks every 25 seconds
  var NOT_ADMITTED = 4001, AGAIN = 4002, TOO_MANY = 4003, RESTART = 1012;

  return function (given) {
    var server = given.server, tabs = given.tabs;
    var pause = FIRST, timer = null, watch = null, socket = null, leading = false, stopped = false;
    var last = null; // the state that was shown last

    function show(state) {
      state.behind = state.now * 1000 - Date.now(); // the server's clock against this one
      last = state;
      given.show(state);
    }

    function connect() {
      clearTimeout(timer);
      timer = null;
      if (stopped) { return; }
      server.ask('POST', '/session').then(open, function (problem) {
        tabs.say('trouble', problem);
        again();
      });
    }

    function open(session) {
      if (stopped) { return; }
      var opened = server.socket();
      socket = opened;
      heard();
      opened.onopen = function () { opened.send(JSON.stringify({ session: session.session })); };
      opened.onmessage = function (event) {
        var message = JSON.parse(event.data);
        heard();
        if (message.type !== 'state') { return; }
        pause = FIRST;
        show(message);
        tabs.say('state', message);
      };
      opened.onclose = function (event) { closed(opened, event); };
    }

    function closed(gone, event) {
      if (gone !== socket) { return; }
      socket = null;
      clearTimeout(watch);
      if (event.code === TOO_MANY) { pause = LONGEST; }
      if (event.code === AGAIN || event.code === NOT_ADMITTED || event.code === RESTART) { pause = FIRST; }
      again();
    }

    // Not all at once after the server has restarted.
    function again() {
      if (stopped || timer) { return; }
      timer = setTimeout(connect, pause * (0.5 + Math.random()));
      pause = Math.min(pause * 2, LONGEST);
    }

    function heard() {
      clearTimeout(watch);
      var watched = socket;
      watch = setTimeout(function () {
        if (watched !== socket || !socket) { return; }
        socket = null;
        watched.close();
        again();
      }, SILENT);
    }

    function now() {
      if (!leading || !timer) { return; }
      pause = FIRST;
      connect();
    }

    tabs.on('state', function (state) { if (!leading) { show(state); } });
    tabs.on('hello', function () { if (leading && last) { tabs.say('state', last); } });
    window.addEventListener('online', now);
    tabs.say('hello', 1);
    tabs.lead(function () {
      leading = true;
      connect();
    });

    return {
      stop: function () {
        stopped = true;
        clearTimeout(timer);
        clearTimeout(watch);
        window.removeEventListener('online', now);
        if (socket) { socket.close(); }
      }
    };
  };
});
