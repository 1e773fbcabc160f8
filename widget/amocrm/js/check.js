/*
 * The connection, step by step, until something is wrong: said in words that an administrator can act on.
 *
 * A browser does not tell a page why a request to elsewhere failed. So it is asked twice: without wanting to read the
 * answer (that succeeds whenever anything answers over a good certificate), and then wanting to (that needs permission).
 */
define([], function () {
  'use strict';

  var PATIENCE = 10000; // milliseconds
  var CLOCKS = 60; // seconds two clocks may differ

  function within(promise, code) {
    return new Promise(function (resolve, reject) {
      var timer = setTimeout(function () { reject({ code: code }); }, PATIENCE);
      promise.then(
        function (value) { clearTimeout(timer); resolve(value); },
        function (error) { clearTimeout(timer); reject(error && error.code && typeof error.code === 'string' ? error : { code: code }); }
      );
    });
  }

  return function (server, told) {
    var base = server.base;

    function address() {
      var parsed;
      try { parsed = new URL(base); } catch (error) { throw { code: 'address_form' }; }
      if (!/\/amocrm\/[a-z0-9][a-z0-9_-]*$/.test(parsed.pathname)) { throw { code: 'address_form' }; }
      if (parsed.protocol !== 'https:' && location.protocol === 'https:') { throw { code: 'address_http' }; }
      return {};
    }

    function reach() {
      return within(fetch(base + '/hello', { mode: 'no-cors', cache: 'no-store', credentials: 'omit' }), 'no_answer')
        .then(function () { return {}; });
    }

    function permission() {
      return within(fetch(base + '/hello', { cache: 'no-store', credentials: 'omit' }), 'cors').then(function (answer) {
        return answer.json().then(function (said) {
          if (said.error === 'no_portal') { throw { code: 'no_portal' }; }
          if (said.name !== 'ringbridge') { throw { code: 'not_ours' }; }
          if (!said.connected) { throw { code: 'not_connected' }; }
          var seconds = Math.round(Date.now() / 1000 - said.time);
          return { version: said.version, clock: Math.abs(seconds) > CLOCKS ? seconds : 0 };
        }, function () { throw { code: 'not_ours' }; });
      });
    }

    // The page may read the server's answers, and yet not send it the token: then a proxy keeps OPTIONS to itself.
    function token() {
      return server.ask('POST', '/session')['catch'](function (problem) {
        throw problem.code === 'unreachable' ? { code: 'preflight' } : problem;
      });
    }

    function socket(session) {
      var opened = server.socket();
      return within(new Promise(function (resolve, reject) {
        opened.onopen = function () { opened.send(JSON.stringify({ session: session.session })); };
        opened.onmessage = function () { resolve(session); };
        opened.onclose = function () { reject({ code: 'no_socket' }); };
      }), 'no_socket').then(
        function (value) { opened.close(); return value; },
        function (problem) { opened.close(); throw problem; }
      );
    }

    function step(name, act) {
      return function (before) {
        told(name, 'runs');
        return Promise.resolve(before).then(act).then(function (value) {
          told(name, 'good', value);
          return value;
        }, function (problem) {
          told(name, 'bad', problem);
          throw problem;
        });
      };
    }

    return Promise.resolve()
      .then(step('address', address))
      .then(step('reach', reach))
      .then(step('permission', permission))
      .then(step('token', token))
      .then(step('socket', socket));
  };
});
