/* Our server, asked across origins: every request carries a fresh one-time token of the platform. */
define([], function () {
  'use strict';

  var PATIENCE = 15000; // milliseconds
  var WITH_A_FRESH_TOKEN = { token_replayed: true, token_expired: true };

  return function (self, base) {
    function once(method, path, body) {
      return new Promise(function (resolve, reject) {
        self.$authorizedAjax({
          url: base + path,
          method: method,
          type: method,
          dataType: 'json',
          contentType: 'application/json',
          processData: false,
          data: body === undefined ? undefined : JSON.stringify(body),
          timeout: PATIENCE
        }).then(resolve, function (xhr) { reject(problem(xhr || {})); });
      });
    }

    function problem(xhr) {
      var said = xhr.responseJSON;
      if (!said) {
        try { said = JSON.parse(xhr.responseText); } catch (error) { said = {}; }
      }
      said = said || {};
      var code = said.error || (xhr.status ? 'strange' : 'unreachable');
      return { code: code, text: said.text || '', subject: said.subject || '', status: xhr.status || 0 };
    }

    return {
      base: base,

      // A token that was refused for its own sake has changed nothing on the server.
      ask: function (method, path, body) {
        return once(method, path, body)['catch'](function (refusal) {
          if (!WITH_A_FRESH_TOKEN[refusal.code]) { throw refusal; }
          return once(method, path, body);
        });
      },

      socket: function () { return new WebSocket(base.replace(/^http/, 'ws') + '/socket'); },

      // A name for one click: asked for again, it is not dialled again.
      unique: function () {
        var bytes = new Uint8Array(16);
        crypto.getRandomValues(bytes);
        return Array.prototype.map.call(bytes, function (one) { return ('0' + one.toString(16)).slice(-2); }).join('');
      }
    };
  };
});
