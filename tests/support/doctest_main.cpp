#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <atomic>

#include "tests/support/property.hpp"

namespace topgun {
namespace {

std::atomic<uint64_t> failures = 0;

/// Prints nothing; counts, because doctest keeps its own count to itself.
class FailureCounter final : public doctest::IReporter {
 public:
  explicit FailureCounter(const doctest::ContextOptions&) {}
  void log_assert(const doctest::AssertData& data) override {
    if (data.m_failed) ++failures;
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};
REGISTER_LISTENER("failure-counter", 1, FailureCounter);

}  // namespace

uint64_t failed_checks() { return failures; }

}  // namespace topgun
