import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findArrows, findForgotten } from '../../scripts/check-layers.mjs';

const source = (path, ...headers) => ({ path, text: headers.map((h) => `#include ${h}\n`).join('') });

const arrows = [
  ['a layer includes one below it', 'core/crdt/a.cpp', '"core/base/bytes.hpp"', true],
  ['a layer includes its own', 'core/crdt/a.cpp', '"core/crdt/b.hpp"', true],
  ['a layer includes one above it', 'core/base/a.hpp', '"core/crdt/b.hpp"', false],
  ['a folder that is no layer', 'core/misc/a.hpp', '"core/base/bytes.hpp"', false],
  ['a layer includes a folder that is no layer', 'core/node/a.hpp', '"core/misc/b.hpp"', false],
  ['core includes a host', 'core/node/a.cpp', '"host-native/server.hpp"', false],
  ['core includes a test', 'core/node/a.cpp', '"tests/support/property.hpp"', false],
  ['a path that does not start at the top', 'core/base/a.cpp', '"bytes.hpp"', false],
  ['a path that climbs', 'core/base/a.cpp', '"../value/value.hpp"', false],
  ['a system header', 'core/base/a.cpp', '<vector>', true],
  ['another layer\'s internals', 'core/crdt/a.cpp', '"core/value/internal/head.hpp"', false],
  ['one\'s own internals', 'core/value/a.cpp', '"core/value/internal/head.hpp"', true],
  ['a test includes internals', 'tests/unit/value/a_test.cpp', '"core/value/internal/head.hpp"', true],
  ['the server includes core', 'host-native/a.cpp', '"core/node/shard.hpp"', true],
  ['the server includes the simulator', 'host-native/a.cpp', '"core/sim/world.hpp"', false],
  ['a test includes the simulator', 'tests/sim/a_test.cpp', '"core/sim/world.hpp"', true],
  ['the simulator for browsers includes the simulator', 'wasm/simulator/a.cpp', '"core/sim/world.hpp"', true],
  ['the simulator for browsers includes storage', 'wasm/simulator/a.cpp', '"host-native/storage/engine.hpp"', true],
  ['the simulator for browsers includes the server', 'wasm/simulator/a.cpp', '"host-native/server/server.hpp"', false],
  ['the simulator for browsers includes the product\'s surface', 'wasm/simulator/a.cpp', '"wasm/engine_table.hpp"', false],
  ['the product\'s surface includes the simulator', 'wasm/surface.cpp', '"core/sim/world.hpp"', false],
  ['the product\'s surface includes that of the simulator', 'wasm/surface.cpp', '"wasm/simulator/session.hpp"', false],
  ['the product\'s surface includes storage', 'wasm/surface.cpp', '"host-native/storage/engine.hpp"', false],
  ['the server includes the WebAssembly surface', 'host-native/a.cpp', '"wasm/surface.hpp"', false],
];

for (const [name, path, header, fine] of arrows) {
  test(`layers: ${name} is ${fine ? 'fine' : 'refused'}`, () => {
    const problems = findArrows([source(path, header)]);
    assert.equal(problems.length, fine ? 0 : 1);
    if (!fine) assert.equal(problems[0].line, 1);
  });
}

test('layers: a source that no list names is reported', () => {
  const sources = [source('core/base/a.cpp'), source('core/base/b.cpp')];
  const lists = [{ path: 'core/base/CMakeLists.txt', text: 'target_sources(x PRIVATE a.cpp) # b.cpp' }];
  assert.deepEqual(findForgotten(sources, lists).map((p) => p.path), ['core/base/b.cpp']);
});

test('layers: a header that only its own source includes is reported', () => {
  const sources = [
    source('core/base/a.hpp'),
    source('core/base/a.cpp', '"core/base/a.hpp"'),
    source('core/base/b.hpp'),
    source('core/base/c.cpp', '"core/base/b.hpp"'),
  ];
  const lists = [{ path: 'core/base/CMakeLists.txt', text: 'a.cpp c.cpp' }];
  assert.deepEqual(findForgotten(sources, lists).map((p) => p.path), ['core/base/a.hpp']);
});
