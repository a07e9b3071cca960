/// The same surface declared with Embind, for consoles, notebooks and bindings that have no hand
/// loader. Requests and answers are JavaScript byte arrays; a handle that names no open engine is
/// answered with the error's number.
#include <emscripten/bind.h>
#include <emscripten/val.h>

#include "wasm/engine_table.hpp"
#include "wasm/queries.hpp"

namespace {

topgun::wasm::EngineTable table(topgun::wasm::make_queries());

emscripten::val copied(topgun::Result<topgun::ByteView> answer) {
  if (!answer.ok()) return emscripten::val(static_cast<uint32_t>(answer.error()));
  const emscripten::val view(emscripten::typed_memory_view(answer->size(), answer->data()));
  return view.call<emscripten::val>("slice");
}

uint32_t version() { return topgun::client::kEngineProtocolVersion; }

uint32_t open() { return table.open(); }

uint32_t close(uint32_t handle) {
  const topgun::Result<void> closed = table.close(handle);
  return closed.ok() ? 0 : static_cast<uint32_t>(closed.error());
}

emscripten::val exec(uint32_t handle, const emscripten::val& request) {
  const topgun::Bytes bytes = emscripten::convertJSArrayToNumberVector<uint8_t>(request);
  return copied(table.exec(handle, bytes));
}

emscripten::val poll(uint32_t handle) { return copied(table.poll(handle)); }

}  // namespace

EMSCRIPTEN_BINDINGS(topgun) {
  emscripten::function("version", &version);
  emscripten::function("open", &open);
  emscripten::function("close", &close);
  emscripten::function("exec", &exec);
  emscripten::function("poll", &poll);
}
