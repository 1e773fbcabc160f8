/* The settings: a check of the connection, and who sits at which extension. The table is the server's own. */
define([], function () {
  'use strict';

  function make(tag, name, content) {
    var element = document.createElement(tag);
    if (name) { element.className = name; }
    [].concat(content || []).forEach(function (one) {
      element.appendChild(typeof one === 'string' ? document.createTextNode(one) : one);
    });
    return element;
  }

  return function (given) {
    var say = given.say, explain = given.explain;
    var place = make('div', 'ringbridge-settings');
    var steps = make('ol', 'ringbridge-steps');
    var table = make('div', 'ringbridge-table');
    var version = '';

    function button(text, act) {
      var element = make('button', 'ringbridge-button', text);
      element.type = 'button';
      element.addEventListener('click', act);
      return element;
    }

    function server() {
      return given.parts.server(given.self, String(given.address() || '').trim().replace(/\/+$/, ''));
    }

    // The connection

    function check() {
      steps.textContent = '';
      table.textContent = '';
      var asked = server();
      given.parts.check(asked, told).then(function (session) {
        var phones = session.extensions;
        note(phones.length ? say('check.your_phone', { phones: phones.join(', ') }) : say('check.no_phone'));
        if (!session.can_dial) { note(explain({ code: 'no_pbx' })); }
        if (session.is_admin) { load(asked); }
      }, function () { /* the step that failed says so */ });
    }

    function told(name, state, value) {
      var row = steps.querySelector('[data-step="' + name + '"]') || steps.appendChild(make('li'));
      row.setAttribute('data-step', name);
      row.setAttribute('data-state', state);
      row.textContent = say('check.' + name);
      if (state === 'bad') { row.appendChild(make('p', 'ringbridge-error', explain(value))); }
      if (state === 'bad' && value.code === 'no_answer') { row.appendChild(open()); }
      if (state === 'good' && value.clock) {
        row.appendChild(make('p', 'ringbridge-error', say('check.clock', { seconds: Math.abs(value.clock) })));
      }
    }

    function open() {
      var anchor = make('a', '', server().base + '/hello');
      anchor.href = server().base + '/hello';
      anchor.target = '_blank';
      anchor.rel = 'noopener';
      return make('p', '', [say('check.open') + ' ', anchor]);
    }

    function note(text) {
      var row = steps.appendChild(make('li', '', text));
      row.setAttribute('data-state', 'note');
    }

    // The table

    function load(asked) {
      asked.ask('GET', '/extensions').then(draw, failed);
    }

    function draw(answer) {
      version = answer.version;
      var rows = answer.rows.map(row);
      var head = make('tr', '', [make('th', '', say('table.employee')), make('th', '', say('table.extensions'))]);
      var saved = make('p', 'ringbridge-said');
      saved.setAttribute('role', 'status');
      table.textContent = '';
      table.appendChild(make('h3', '', say('table.title')));
      table.appendChild(make('p', 'ringbridge-hint', say('table.hint')));
      table.appendChild(make('table', '', [make('thead', '', head), make('tbody', '', rows)]));
      table.appendChild(button(say('table.save'), save));
      table.appendChild(saved);
    }

    function row(one) {
      var input = make('input', 'text-input');
      input.type = 'text';
      input.value = one.extensions.join(', ');
      input.setAttribute('data-employee', one.user); // no `name`: the platform's own form does not send it
      input.setAttribute('aria-label', one.name);
      var cell = [input];
      if (one.suggested.length) {
        cell.push(button(say('table.suggested', { phones: one.suggested.join(', ') }), function () {
          input.value = one.suggested.join(', ');
          this.remove();
        }));
      }
      var name = one.active ? one.name : one.name + ' (' + say('table.dismissed') + ')';
      return make('tr', '', [make('td', '', name), make('td', '', cell)]);
    }

    function save() {
      var rows = Array.prototype.map.call(table.querySelectorAll('[data-employee]'), function (input) {
        var phones = input.value.split(/[\s,;]+/).filter(Boolean);
        return { user: input.getAttribute('data-employee'), extensions: phones };
      });
      server().ask('PUT', '/extensions', { version: version, rows: rows }).then(function (answer) {
        draw(answer);
        said(say('table.saved'), true);
      }, failed);
    }

    function failed(problem) { said(explain(problem), false); }

    function said(text, good) {
      var line = table.querySelector('.ringbridge-said') || table.appendChild(make('p', 'ringbridge-said'));
      line.textContent = text;
      line.setAttribute('data-state', good ? 'good' : 'bad');
    }

    place.appendChild(make('h3', '', say('check.title')));
    place.appendChild(button(say('check.run'), check));
    place.appendChild(steps);
    place.appendChild(table);
    given.place.appendChild(place);
    if (given.address()) { check(); }
  };
});
