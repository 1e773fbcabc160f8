/*
 * Ringbridge for amoCRM and Kommo: calls of the office's Asterisk on the account's pages.
 *
 * This file holds what the platform calls; the rest is loaded from `js/` when the widget starts. Written for browsers
 * as they are: no build, nothing from elsewhere. Contract: amoCRM developer documentation, "script.js".
 */
define([], function () {
  'use strict';

  var PARTS = ['server', 'tabs', 'link', 'clients', 'card', 'check', 'settings'];

  return function () {
    var self = this;
    var loading = null; // a promise of the parts
    var running = null; // what runs since `init`
    var saved = ''; // the server's address as it was just saved: the platform may tell the former one until a reload

    // Texts: `section.name`, with {placeholders}. Some versions of the platform know whole sections only.
    function say(key, values) {
      var path = key.split('.');
      var found = self.i18n(key);
      if (typeof found !== 'string' || !found) {
        found = (self.i18n(path[0]) || {})[path[1]];
      }
      return String(found || key).replace(/\{(\w+)\}/g, function (all, name) {
        return values && values[name] !== undefined ? values[name] : all;
      });
    }

    // What the server or the browser said was wrong, in the user's language where it is known.
    function explain(problem) {
      var known = say('problems.' + problem.code, problem);
      var text = known === 'problems.' + problem.code ? problem.text || problem.code : known;
      return problem.code === 'not_dialled' && problem.text ? text + ' ' + problem.text : text;
    }

    function version() {
      return String(self.get_version ? self.get_version() : self.get_settings().version || '');
    }

    function parts() {
      if (!loading) {
        loading = new Promise(function (resolve, reject) {
          var folder = self.get_settings().path + '/js/';
          var addresses = PARTS.map(function (name) { return folder + name + '.js?v=' + version(); });
          require(addresses, function () {
            var made = arguments;
            var found = {};
            PARTS.forEach(function (name, at) { found[name] = made[at]; });
            resolve(found);
          }, reject);
        });
        loading['catch'](function () { loading = null; }); // the next click tries again
      }
      return loading;
    }

    function style() {
      if (document.getElementById('ringbridge-style')) { return; }
      var link = document.createElement('link');
      link.id = 'ringbridge-style';
      link.rel = 'stylesheet';
      link.href = self.get_settings().path + '/style.css?v=' + version();
      document.head.appendChild(link);
    }

    function complain(problem) {
      APP.notifications.show_message_error({ header: say('widget.name'), text: explain(problem) });
    }

    function address() {
      return String(saved || self.get_settings().server_url || '').trim().replace(/\/+$/, '');
    }

    function start() {
      style();
      if (running || !address()) { return; }
      var user = String((APP.constant('user') || {}).id || '');
      running = { stop: function () {} };
      var mine = running;
      parts().then(function (found) {
        if (running !== mine) { return; }
        var name = 'ringbridge:' + user + ':' + address();
        var tabs = found.tabs(name);
        var clients = found.clients(tabs);
        var cards = found.card({ say: say, explain: explain, tabs: tabs, clients: clients, dial: dial });
        var link = found.link({ server: found.server(self, address()), tabs: tabs, show: cards.show });
        running = {
          stop: function () {
            link.stop();
            cards.stop();
            tabs.stop();
          }
        };
      }, function () { running = null; });
    }

    function stop() {
      if (running) { running.stop(); }
      running = null;
    }

    function dial(number, element) {
      var entity = element && element.id ? { type: String(element.type || ''), id: String(element.id) } : null;
      parts().then(function (found) {
        var server = found.server(self, address());
        server.ask('POST', '/dial', { number: String(number), click: server.unique(), entity: entity }).then(
          function (answer) {
            var text = say('dial.ringing', { extension: answer.extension || '' });
            APP.notifications.show_message({ header: say('widget.name'), text: text, date: Date.now() });
          },
          complain
        );
      }, function () { complain({ code: 'not_loaded' }); });
    }

    function panel(place, chosen) {
      style();
      parts().then(function (found) {
        found.settings({ self: self, place: place, address: chosen, say: say, explain: explain, parts: found });
      }, function () { place.textContent = explain({ code: 'not_loaded' }); });
    }

    // The place of our own page in the settings; its name has changed over the platform's versions.
    function workArea() {
      return document.getElementById('work-area-' + (self.get_settings().widget_code || '')) ||
        document.getElementById('work_area') || document.getElementById('list_page_holder') || document.body;
    }

    this.callbacks = {
      render: function () { return true; },
      init: function () {
        start();
        return true;
      },
      bind_actions: function () {
        self.add_action('phone', function (clicked) { dial(clicked.value, clicked.element); });
        return true;
      },
      settings: function ($modal) {
        var modal = ($modal && $modal[0]) || document.body;
        var place = document.createElement('div');
        (modal.querySelector('.widget_settings_block') || modal).appendChild(place);
        panel(place, function () {
          var field = modal.querySelector('[name="server_url"]');
          return (field && field.value) || address();
        });
        return true;
      },
      advancedSettings: function () {
        var place = document.createElement('div');
        place.className = 'ringbridge-page';
        workArea().appendChild(place);
        panel(place, address);
        return true;
      },
      onSave: function (told) {
        stop();
        saved = (told && told.fields && told.fields.server_url) || '';
        if (told && told.active !== 'N') { start(); }
        return true;
      },
      destroy: function () { stop(); }
    };

    return this;
  };
});
