/* The cards of calls that concern the user, in a corner of the page; notices of calls missed, or asked for in vain. */
define([], function () {
  'use strict';

  var MOST_LEADS = 3, MOST_TASKS = 3, REMEMBERED = 50;

  // An element: its class, its content (texts are never read as HTML).
  function make(tag, name, content) {
    var element = document.createElement(tag);
    if (name) { element.className = name; }
    [].concat(content === undefined || content === null ? [] : content).forEach(function (one) {
      element.appendChild(typeof one === 'string' ? document.createTextNode(one) : one);
    });
    return element;
  }

  function clock(seconds) {
    var whole = Math.max(0, Math.floor(seconds));
    var minutes = Math.floor(whole / 60) % 60, hours = Math.floor(whole / 3600);
    function two(number) { return ('0' + number).slice(-2); }
    return (hours ? hours + ':' + two(minutes) : minutes) + ':' + two(whole % 60);
  }

  return function (given) {
    var say = given.say, tabs = given.tabs, clients = given.clients;
    var area = null, ticking = null, behind = 0;
    var state = { cards: [], missed: [], failed: [] };
    var found = {}; // key -> { client, error, asked }

    function list(key) {
      try { return JSON.parse(tabs.get(key) || '[]'); } catch (error) { return []; }
    }

    function remember(key, value) {
      tabs.put(key, JSON.stringify(list(key).filter(function (one) { return one !== value; }).concat(value).slice(-REMEMBERED)));
    }

    function show(now) {
      state = now;
      behind = now.behind;
      draw();
    }

    function open() {
      var closed = list('closed');
      return state.cards.filter(function (card) { return closed.indexOf(card.key) < 0; });
    }

    function draw() {
      var cards = tabs.inFront() ? open() : [];
      forget();
      if (tabs.inFront()) {
        notices();
        failures();
      }
      if (!cards.length) { clear(); return; }
      if (!area) {
        area = make('div', 'ringbridge-cards'); // no named elements: the page styles its own
        area.setAttribute('role', 'region');
        area.setAttribute('aria-label', say('card.calls'));
        area.setAttribute('aria-live', 'polite');
        document.body.appendChild(area);
        ticking = setInterval(tick, 1000);
      }
      var focused = area.contains(document.activeElement) && document.activeElement.getAttribute('data-focus');
      area.textContent = '';
      cards.forEach(function (card) { area.appendChild(drawn(card)); });
      var again = focused && area.querySelector('[data-focus="' + focused + '"]');
      if (again) { again.focus(); }
      tick();
    }

    function clear() {
      clearInterval(ticking);
      if (area) { area.remove(); }
      area = ticking = null;
    }

    function forget() {
      var keys = state.cards.map(function (card) { return card.key; });
      Object.keys(found).forEach(function (key) { if (keys.indexOf(key) < 0) { delete found[key]; } });
    }

    function tick() {
      var now = (Date.now() + behind) / 1000;
      Array.prototype.forEach.call(area ? area.querySelectorAll('[data-since]') : [], function (timer) {
        timer.textContent = clock(now - Number(timer.getAttribute('data-since')));
      });
    }

    function drawn(card) {
      var element = make('div', 'ringbridge-card ringbridge-' + card.state, [head(card), who(card), facts(card)]);
      element.setAttribute('data-key', card.key);
      var known = lookup(card);
      if (known.client) {
        if (known.client.leads && known.client.leads.length) { element.appendChild(leads(known.client)); }
        if (known.client.tasks && known.client.tasks.length) { element.appendChild(tasks(known.client)); }
      }
      if (known.error) { element.appendChild(make('p', 'ringbridge-error', given.explain(known.error))); }
      element.appendChild(buttons(card, known));
      return element;
    }

    function head(card) {
      var timer = make('span', 'ringbridge-timer');
      timer.setAttribute('data-since', card.answered || card.started);
      return make('div', 'ringbridge-head', [
        make('span', 'ringbridge-state', say('card.' + card.direction + '_' + card.state)),
        timer,
        button('×', card.key + ' close', function () {
          remember('closed', card.key);
          tabs.say('closed', card.key);
          draw();
        }, 'ringbridge-close', say('card.close'))
      ]);
    }

    function who(card) {
      var known = lookup(card).client;
      var number = card.number || say('card.withheld');
      var name = known ? known.name : card.name;
      var lines = [make('strong', 'ringbridge-name', name || number)];
      if (known && known.company && known.company.name) { lines.push(make('span', 'ringbridge-company', known.company.name)); }
      if (name) { lines.push(make('span', 'ringbridge-number', number)); }
      if (card.number && lookup(card).asked && known === null) { lines.push(make('span', 'ringbridge-unknown', say('card.unknown'))); }
      return make('div', 'ringbridge-who', lines);
    }

    function facts(card) {
      var rows = [];
      function row(name, value) {
        if (value) { rows.push(make('dt', '', say('card.' + name)), make('dd', 'ringbridge-' + name, value)); }
      }
      row('line', card.line);
      row('queue', card.queue);
      row('others', card.others.join(', '));
      return make('dl', 'ringbridge-facts', rows);
    }

    function leads(client) {
      return make('ul', 'ringbridge-leads', client.leads.slice(0, MOST_LEADS).map(function (lead) {
        return make('li', '', [link('/leads/detail/' + lead.id, lead.name), lead.price ? ' · ' + lead.price.toLocaleString() : '']);
      }));
    }

    function tasks(client) {
      return make('ul', 'ringbridge-tasks', client.tasks.slice(0, MOST_TASKS).map(function (task) {
        var late = task.till * 1000 < Date.now() + behind;
        var till = task.till ? ' · ' + new Date(task.till * 1000).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' }) : '';
        return make('li', late ? 'ringbridge-late' : '', task.text + till);
      }));
    }

    function buttons(card, known) {
      var all = [];
      if (known.client) {
        all.push(button(say('card.open'), card.key + ' open', function () {
          go('/' + known.client.kind + '/detail/' + known.client.id);
        }, 'ringbridge-main'));
      } else if (card.number && known.client === null && known.asked) {
        all.push(button(say('card.create'), card.key + ' create', function () { create(card); }, 'ringbridge-main'));
      }
      return make('div', 'ringbridge-buttons', all);
    }

    function button(text, focus, act, name, label) {
      var element = make('button', name, text);
      element.type = 'button';
      element.setAttribute('data-focus', focus);
      if (label) { element.setAttribute('aria-label', label); }
      element.addEventListener('click', function () { element.disabled = true; act(); });
      return element;
    }

    function link(path, text) {
      var anchor = make('a', '', text);
      anchor.href = path;
      anchor.addEventListener('click', function (event) {
        event.preventDefault();
        go(path);
      });
      return anchor;
    }

    function go(path) { APP.router.navigate(path, { trigger: true }); draw(); }

    // Only the tab that shows cards asks for their clients.
    function lookup(card) {
      var known = found[card.key] = found[card.key] || { client: undefined, asked: false };
      if (known.started || !card.number) { return known; }
      known.started = true;
      clients.find(card.number, card.entity, draw).then(function (client) {
        known.client = client;
        known.asked = true;
        draw();
      }, function (error) {
        known.error = error.code ? error : { code: 'account' };
        draw();
      });
      return known;
    }

    function create(card) {
      clients.make(card.number, card.name).then(function (client) {
        found[card.key] = { client: client, asked: true, started: true };
        go('/' + client.kind + '/detail/' + client.id);
      }, function () {
        go('/contacts/add?phone=' + encodeURIComponent(card.number)); // the account's own form says what is wrong
      });
    }

    function notices() {
      var told = list('missed');
      state.missed.filter(function (one) { return told.indexOf(one.key) < 0; }).forEach(function (one) {
        remember('missed', one.key);
        var who = one.name ? one.name + ', ' + (one.number || say('card.withheld')) : one.number || say('card.withheld');
        APP.notifications.add_error({
          header: say('missed.header'),
          text: escaped(one.line ? say('missed.by_line', { who: who, line: one.line }) : who),
          date: Math.round(one.at),
          link: one.number ? '/contacts/list/?term=' + encodeURIComponent(one.number.slice(-SAME)) : '/'
        });
      });
    }

    // Calls that the user asked for and that did not come to be.
    function failures() {
      var told = list('failed');
      (state.failed || []).filter(function (one) { return told.indexOf(one.key) < 0; }).forEach(function (one) {
        remember('failed', one.key);
        APP.notifications.show_message_error({
          header: say('widget.name'),
          text: escaped(one.number ? one.number + ': ' + given.explain(one) : given.explain(one))
        });
      });
    }
    var SAME = 10; // digits by which the account's search finds a number however it is written

    function escaped(text) { return make('i', '', text).innerHTML; }

    tabs.on('front', draw);
    tabs.on('closed', draw);

    return {
      show: show,
      stop: function () {
        state = { cards: [], missed: [], failed: [] };
        clear();
      }
    };
  };
});
