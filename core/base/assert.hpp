#pragma once

/// Assertions state what the code promised itself; input never reaches one. A broken promise stops
/// the process (a trap in WASM): going on with broken state would put data at risk.
///
/// `TG_ASSERT` is cheap and always on. `TG_VERIFY` may be costly and is on in tests, sanitizer
/// builds and the simulator (`TOPGUN_VERIFY`). One condition each.

namespace topgun {

/// Reports the broken promise through the trap instruction; natively the message goes to the
/// debugger and the core file, since `core/` has no output of its own.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace topgun

#define TG_ASSERT(condition)          \
  (__builtin_expect(!!(condition), 1) \
       ? (void)0                      \
       : ::topgun::assertion_failed(#condition, __FILE__, __LINE__))

#ifdef TOPGUN_VERIFY
#define TG_VERIFY(condition) TG_ASSERT(condition)
#else
#define TG_VERIFY(condition) ((void)sizeof(!(condition)))
#endif
