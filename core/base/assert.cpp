#include "core/base/assert.hpp"

namespace topgun {

void assertion_failed(const char* condition, const char* file, int line) {
  // Kept in volatile locals so that a debugger or a core file shows them at the trap.
  const char* volatile what = condition;
  const char* volatile where = file;
  volatile int at = line;
  (void)what;
  (void)where;
  (void)at;
  __builtin_trap();
}

}  // namespace topgun
