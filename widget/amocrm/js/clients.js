/*
 * Whose number it is: asked of the account's own interface, in the user's own name and with their rights.
 *
 * Everything that a page asks for the user counts with the account's limits, so the card has a budget of its own, and
 * what was found is kept for a while and told to the other tabs. Contract: amoCRM API v4, "Contacts", "Leads", "Tasks".
 */
define([], function () {
  'use strict';

  var BURST = 6, PER_SECOND = 1;
  var REST_AFTER_429 = 10000; // milliseconds
  var KEPT = { found: 60000, nobody: 15000 };
  var MOST = 50;
  var CLOSED = { 142: true, 143: true }; // stages "won" and "lost" of every pipeline
  var SAME_DIGITS = 10;

  return function (tabs) {
    var left = BURST, counted = Date.now(), shut = 0;
    var cache = {}; // digits -> { client, until }
    var order = [];

    function digitsOf(number) { return String(number).replace(/\D/g, '').slice(-SAME_DIGITS); }

    // A place in the budget: waits, and never asks faster.
    function turn() {
      return new Promise(function (resolve) {
        (function wait() {
          var now = Date.now();
          left = Math.min(BURST, left + (now - counted) / 1000 * PER_SECOND);
          counted = now;
          if (now < shut) { setTimeout(wait, shut - now); return; }
          if (left < 1) { setTimeout(wait, (1 - left) / PER_SECOND * 1000); return; }
          left -= 1;
          resolve();
        })();
      });
    }

    // A list that is empty comes as 204 without a body.
    function ask(path, body) {
      return turn().then(function () {
        return fetch(path, {
          method: body ? 'POST' : 'GET',
          credentials: 'same-origin',
          headers: body ? { 'Content-Type': 'application/json', 'X-Requested-With': 'XMLHttpRequest' } : { 'X-Requested-With': 'XMLHttpRequest' },
          body: body ? JSON.stringify(body) : undefined
        });
      }).then(function (answer) {
        if (answer.status === 429) { shut = Date.now() + REST_AFTER_429; }
        if (answer.status === 204 || answer.status === 404) { return null; }
        if (!answer.ok) { throw { code: answer.status === 403 ? 'no_rights' : 'account', status: answer.status }; }
        return answer.json();
      });
    }

    function rows(body, name) { return (body && body._embedded && body._embedded[name]) || []; }

    function has(entity, digits) {
      return (entity.custom_fields_values || []).some(function (field) {
        return field.field_code === 'PHONE' && field.values.some(function (one) { return digitsOf(one.value) === digits; });
      });
    }

    function oldest(found, digits) {
      return found.filter(function (one) { return has(one, digits); })
        .sort(function (one, other) { return one.id - other.id; })[0];
    }

    function search(digits) {
      var query = '?query=' + encodeURIComponent(digits) + '&limit=10&with=leads';
      return ask('/api/v4/contacts' + query).then(function (body) {
        var contact = oldest(rows(body, 'contacts'), digits);
        if (contact) { return described('contacts', contact); }
        return ask('/api/v4/companies' + query).then(function (found) {
          var company = oldest(rows(found, 'companies'), digits);
          return company ? described('companies', company) : null;
        });
      });
    }

    function fetched(entity) {
      var kind = String(entity[0]);
      kind = kind === 'contact' ? 'contacts' : kind === 'company' ? 'companies' : kind;
      if (kind !== 'contacts' && kind !== 'companies') { return Promise.resolve(null); }
      return ask('/api/v4/' + kind + '/' + entity[1] + '?with=leads').then(function (one) {
        return one ? described(kind, one) : null;
      });
    }

    function described(kind, one) {
      var company = kind === 'contacts' && rows(one, 'companies')[0];
      return {
        kind: kind,
        id: one.id,
        name: one.name || '',
        company: company ? { id: company.id, name: company.name || '' } : null,
        leadIds: rows(one, 'leads').map(function (lead) { return lead.id; }).slice(-20),
        leads: null,
        tasks: null
      };
    }

    function ids(name, all) {
      return all.map(function (id) { return 'filter[' + name + '][]=' + id; }).join('&');
    }

    function withLeads(client) {
      if (!client.leadIds.length) { client.leads = []; return Promise.resolve(client); }
      return ask('/api/v4/leads?limit=50&' + ids('id', client.leadIds)).then(function (body) {
        client.leads = rows(body, 'leads').filter(function (lead) {
          return client.leadIds.indexOf(lead.id) >= 0 && !CLOSED[lead.status_id];
        }).map(function (lead) { return { id: lead.id, name: lead.name || '#' + lead.id, price: lead.price || 0 }; });
        return client;
      });
    }

    function withCompany(client) {
      if (!client.company || client.company.name) { return Promise.resolve(client); }
      return ask('/api/v4/companies/' + client.company.id).then(function (body) {
        client.company.name = (body && body.name) || '';
        return client;
      });
    }

    function withTasks(client) {
      var kinds = [[client.kind, [client.id]]];
      if (client.leads && client.leads.length) {
        kinds.push(['leads', client.leads.map(function (lead) { return lead.id; })]);
      }
      return Promise.all(kinds.map(function (one) {
        return ask('/api/v4/tasks?limit=10&filter[is_completed]=0&filter[entity_type]=' + one[0] + '&' + ids('entity_id', one[1]));
      })).then(function (bodies) {
        client.tasks = [];
        bodies.forEach(function (body) {
          rows(body, 'tasks').forEach(function (task) {
            if (!task.is_completed) { client.tasks.push({ id: task.id, text: task.text || '', till: task.complete_till }); }
          });
        });
        client.tasks.sort(function (one, other) { return one.till - other.till; });
        return client;
      });
    }

    function keep(digits, client) {
      if (!cache[digits]) { order.push(digits); }
      cache[digits] = { client: client, until: Date.now() + (client ? KEPT.found : KEPT.nobody) };
      while (order.length > MOST) { delete cache[order.shift()]; }
    }

    function share(digits, client) {
      keep(digits, client);
      tabs.say('client', { digits: digits, client: client });
    }

    tabs.on('client', function (told) { keep(told.digits, told.client); });

    return {
      // Whose number it is: a promise of a client or null. `more` is called as leads, company and tasks become known.
      find: function (number, entity, more) {
        var digits = digitsOf(number);
        var known = cache[digits];
        if (known && known.until > Date.now() && (known.client || !entity)) { return Promise.resolve(known.client); }
        return (entity ? fetched(entity) : Promise.resolve(null)).then(function (client) {
          return client || search(digits);
        }).then(function (client) {
          share(digits, client);
          if (client) {
            withLeads(client).then(function () { more(client); return withCompany(client); })
              .then(function () { more(client); return withTasks(client); })
              .then(function () { more(client); share(digits, client); })['catch'](function () { more(client); });
          }
          return client;
        });
      },

      // A contact for a number: the one that somebody has made meanwhile, else a new one.
      make: function (number, name) {
        var digits = digitsOf(number);
        return search(digits).then(function (client) {
          if (client) { return client; }
          var phone = { field_code: 'PHONE', values: [{ value: number, enum_code: 'WORK' }] };
          return ask('/api/v4/contacts', [{ name: name || number, custom_fields_values: [phone] }]).then(function (body) {
            var made = rows(body, 'contacts')[0];
            if (!made) { throw { code: 'account' }; }
            return { kind: 'contacts', id: made.id, name: name || number, company: null, leadIds: [], leads: [], tasks: [] };
          });
        }).then(function (client) {
          share(digits, client);
          return client;
        });
      }
    };
  };
});
