// Boost.JSON in its header-only form, compiled into this file alone.
#include <boost/json/src.hpp>
