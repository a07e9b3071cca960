#include "host-native/json/diff_json.hpp"

#include <algorithm>

namespace topgun::host {

namespace json = boost::json;

namespace {

void write_region(JsonWriter& out, const HashPrefix& prefix) {
  out.name("depth");
  out.integer(prefix.depth);
  out.name("bits");
  out.id(prefix.bits);
}

void write_numbers(JsonWriter& out, std::string_view name, std::span<const uint16_t> numbers) {
  out.name(name);
  out.begin_array();
  for (const uint16_t number : numbers) out.integer(number);
  out.end_array();
}

void write_entries(JsonWriter& out, std::string_view name, std::string_view numbers,
                   const std::vector<DiffMessage::Entry>& entries) {
  out.name(name);
  out.begin_array();
  for (const DiffMessage::Entry& entry : entries) {
    out.begin_object();
    write_region(out, entry.prefix);
    write_numbers(out, numbers, entry.numbers);
    out.end_object();
  }
  out.end_array();
}

/// The regions of one list, which ascend without overlap.
class RegionReader {
 public:
  explicit RegionReader(JsonProblem& problem) : problem_(problem) {}

  HashPrefix read(JsonMembers& members) {
    HashPrefix prefix;
    prefix.depth = static_cast<uint8_t>(members.number("depth", std::nullopt, kPrefixDepthMax));
    const uint64_t bits_max = (uint64_t{1} << prefix.depth) - 1;
    prefix.bits = members.number("bits", std::nullopt, bits_max);
    if (!is_first_ && prefix.first() <= last_) problem_.say("regions ascend without overlap");
    is_first_ = false;
    last_ = prefix.depth == 0 ? UINT64_MAX : prefix.first() + (UINT64_MAX >> prefix.depth);
    return prefix;
  }

 private:
  JsonProblem& problem_;
  bool is_first_ = true;
  uint64_t last_ = 0;  ///< The last hash of the region before.
};

void read_numbers(JsonMembers& members, std::string_view name, JsonProblem& problem,
                  std::vector<uint16_t>& numbers) {
  for (const json::value& value : members.array(name)) {
    const auto number = to_u64(value);
    if (!number || *number > UINT16_MAX) {
      return problem.say("'" + std::string(name) + "': expected numbers up to 65535");
    }
    numbers.push_back(static_cast<uint16_t>(*number));
  }
}

std::vector<DiffMessage::Entry> read_entries(JsonMembers& members, std::string_view name,
                                             std::string_view numbers, JsonProblem& problem) {
  std::vector<DiffMessage::Entry> entries;
  RegionReader regions(problem);
  for (const json::value& value : members.array(name)) {
    if (!problem.empty()) break;
    JsonMembers parts(value, problem);
    DiffMessage::Entry& entry = entries.emplace_back();
    entry.prefix = regions.read(parts);
    read_numbers(parts, numbers, problem, entry.numbers);
    parts.expect_no_others();
  }
  return entries;
}

DiffMessage::Claim read_claim(const json::value& value, RegionReader& regions,
                              JsonProblem& problem) {
  JsonMembers parts(value, problem);
  DiffMessage::Claim claim;
  claim.prefix = regions.read(parts);
  read_numbers(parts, "missing", problem, claim.missing);
  for (const json::value& element : parts.array("offers")) {
    JsonMembers offer(element, problem);
    const uint64_t identity = offer.number("identity", std::nullopt, UINT16_MAX);
    claim.offers.push_back({static_cast<uint16_t>(identity), offer.number("rank")});
    offer.expect_no_others();
    if (!problem.empty()) break;
  }
  parts.expect_no_others();
  return claim;
}

}  // namespace

void write_diff_json(JsonWriter& out, const DiffMessage& diff) {
  out.name("subscription");
  out.count(diff.subscription);
  out.name("slice");
  out.integer(diff.slice);
  out.name("child_bits");
  out.integer(diff.child_bits);
  const size_t children = size_t{1} << diff.child_bits;
  out.name("nodes");
  out.begin_array();
  for (size_t i = 0; i < diff.nodes.size(); ++i) {
    out.begin_object();
    write_region(out, diff.nodes[i]);
    write_numbers(out, "children", std::span(diff.children).subspan(i * children, children));
    out.end_object();
  }
  out.end_array();
  write_entries(out, "leaves", "fingerprints", diff.leaves);
  out.name("claims");
  out.begin_array();
  for (const DiffMessage::Claim& claim : diff.claims) {
    out.begin_object();
    write_region(out, claim.prefix);
    write_numbers(out, "missing", claim.missing);
    out.name("offers");
    out.begin_array();
    for (const DiffMessage::Offer& offer : claim.offers) {
      out.begin_object();
      out.name("identity");
      out.integer(offer.identity);
      out.name("rank");
      out.id(offer.rank);
      out.end_object();
    }
    out.end_array();
    out.end_object();
  }
  out.end_array();
  write_entries(out, "wants", "identities", diff.wants);
}

DiffMessage read_diff_json(JsonMembers& members, JsonProblem& problem) {
  DiffMessage diff;
  diff.subscription = members.number("subscription");
  diff.slice = static_cast<uint8_t>(members.number("slice", 0, kDiffSlices - 1));
  diff.child_bits =
      static_cast<uint8_t>(members.number("child_bits", kDiffChildBitsMax, kDiffChildBitsMax));
  RegionReader nodes(problem);
  for (const json::value& value : members.array("nodes")) {
    if (!problem.empty()) break;
    JsonMembers parts(value, problem);
    diff.nodes.push_back(nodes.read(parts));
    read_numbers(parts, "children", problem, diff.children);
    if (diff.children.size() != diff.nodes.size() << diff.child_bits) {
      problem.say("'children': expected 2^child_bits of them");
    }
    parts.expect_no_others();
  }
  diff.leaves = read_entries(members, "leaves", "fingerprints", problem);
  RegionReader claims(problem);
  for (const json::value& value : members.array("claims")) {
    if (!problem.empty()) break;
    diff.claims.push_back(read_claim(value, claims, problem));
  }
  diff.wants = read_entries(members, "wants", "identities", problem);
  return diff;
}

}  // namespace topgun::host
