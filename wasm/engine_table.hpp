#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/base/result.hpp"
#include "core/client/engine.hpp"

namespace topgun::wasm {

/// Engines open at once in one module.
inline constexpr uint32_t kEnginesMax = 64;

/// Longest request a binding may ask a buffer for.
inline constexpr uint32_t kRequestBytesMax = 64u << 20;

/// The open engines of a module behind integer handles. A handle is a slot and the number of times
/// the slot was used, so that a handle kept after `close` is an error and never another engine.
class EngineTable {
 public:
  /// All engines answer queries, or none does.
  explicit EngineTable(client::MakeQueries make_queries) : make_queries_(make_queries) {}

  /// The handle of a new engine, or 0 when the table is full.
  uint32_t open();

  /// `Error::Closed` if the handle names no open engine.
  [[nodiscard]] Result<void> close(uint32_t handle);

  /// As `Engine::exec` and `Engine::poll`: the bytes are valid until the next call on the engine.
  /// `Error::Closed` if the handle names no open engine.
  [[nodiscard]] Result<ByteView> exec(uint32_t handle, ByteView request);
  [[nodiscard]] Result<ByteView> poll(uint32_t handle);

 private:
  struct Slot {
    std::unique_ptr<client::Engine> engine;
    uint32_t generation = 0;
  };

  Slot* find(uint32_t handle);

  client::MakeQueries make_queries_;
  std::array<Slot, kEnginesMax> slots_;
};

}  // namespace topgun::wasm
