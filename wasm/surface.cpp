/// The module's raw exports: what is hot crosses here, as bytes behind a pointer and a length.
///
/// A caller asks for a request buffer (`tg_request`), writes a request of docs/engine-protocol.md
/// into it and calls `tg_exec`; the answer lies at `tg_result_pointer` for `tg_result_size` bytes
/// until the next call. The module imports nothing but the notification that its memory grew and
/// `proc_exit`: time, randomness and storage arrive inside requests.
#include <cstdint>

#include "wasm/engine_table.hpp"
#include "wasm/queries.hpp"

#define TG_EXPORT(name) extern "C" __attribute__((export_name(#name), used))

namespace {

topgun::wasm::EngineTable table(topgun::wasm::make_queries());
topgun::Bytes request;
topgun::ByteView result;

uint32_t finish(topgun::Result<topgun::ByteView> answer) {
  result = answer.ok() ? *answer : topgun::ByteView{};
  return answer.ok() ? 0 : static_cast<uint32_t>(answer.error());
}

}  // namespace

/// Version of the byte protocol; a binding compares it before anything else.
TG_EXPORT(tg_abi_version) uint32_t tg_abi_version() {
  return topgun::client::kEngineProtocolVersion;
}

/// A new engine's handle, or 0 when `kEnginesMax` are open.
TG_EXPORT(tg_open) uint32_t tg_open() { return table.open(); }

/// Ends an engine. `Error::Closed` if the handle names none.
TG_EXPORT(tg_close) uint32_t tg_close(uint32_t handle) {
  result = {};
  const topgun::Result<void> closed = table.close(handle);
  return closed.ok() ? 0 : static_cast<uint32_t>(closed.error());
}

/// The request buffer, at least `size` bytes long; one for the whole module, so the address holds
/// until the next `tg_request`. 0 if `size` exceeds `kRequestBytesMax`.
TG_EXPORT(tg_request) uint8_t* tg_request(uint32_t size) {
  if (size > topgun::wasm::kRequestBytesMax) return nullptr;
  if (request.size() < size) request.resize(size);
  return request.data();
}

/// Runs the first `size` bytes of the request buffer. 0, or the error that kept it from running.
TG_EXPORT(tg_exec) uint32_t tg_exec(uint32_t handle, uint32_t size) {
  if (size > request.size()) return finish(topgun::Error::InvalidArgument);
  return finish(table.exec(handle, {request.data(), size}));
}

/// Takes the engine's events. 0, or `Error::Closed`.
TG_EXPORT(tg_poll) uint32_t tg_poll(uint32_t handle) { return finish(table.poll(handle)); }

TG_EXPORT(tg_result_pointer) const uint8_t* tg_result_pointer() { return result.data(); }
TG_EXPORT(tg_result_size) uint32_t tg_result_size() { return static_cast<uint32_t>(result.size()); }
