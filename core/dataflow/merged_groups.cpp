#include "core/dataflow/merged_groups.hpp"

#include <algorithm>
#include <set>

namespace topgun::dataflow {

MergedGroups::Group& MergedGroups::group_with(ByteView key) {
  const auto found = groups_.find(as_text(key));
  if (found != groups_.end()) return found->second;
  bytes_ += key.size();
  Group& group = groups_[std::string(as_text(key))];
  group.parts.resize(parts_);
  return group;
}

void MergedGroups::set_part(Group& group, size_t part, ByteView partial) {
  bytes_ -= group.parts[part].size();
  group.parts[part] = to_bytes(partial);
  bytes_ += partial.size();
}

std::optional<Bytes> MergedGroups::combined(const Group& group) const {
  std::vector<ByteView> parts;
  for (const Bytes& part : group.parts) {
    if (!part.empty()) parts.push_back(part);
  }
  if (parts.empty()) return std::nullopt;
  return query::combine_groups(query_, parts);
}

void MergedGroups::take_part(size_t part, ByteReader& in) {
  for (uint64_t count = in.varint(); count > 0; --count) {
    const ByteView partial = in.blob(SIZE_MAX);
    Group& group = group_with(query::partial_group_key(partial));
    set_part(group, part, partial);
    group.whole = *combined(group);
  }
}

bool MergedGroups::take_steps(size_t part, ByteReader& in, Bytes& out) {
  std::set<std::string> touched;
  for (uint64_t count = in.varint(); count > 0; --count) {
    const auto kind = static_cast<GroupEdit::Kind>(in.u8());
    const ByteView key = in.blob(SIZE_MAX);
    const ByteView partial = in.blob(SIZE_MAX);
    set_part(group_with(key), part, kind == GroupEdit::Kind::Leave ? ByteView{} : partial);
    touched.emplace(as_text(key));
  }
  Bytes steps;
  ByteWriter writer(steps);
  size_t seen = 0;
  for (const std::string& key : touched) {
    const auto found = groups_.find(key);
    Group& group = found->second;
    const std::optional<Bytes> whole = combined(group);
    // A group that was never shown has no whole.
    const bool was_there = !group.whole.empty();
    const auto kind = !whole       ? GroupEdit::Kind::Leave
                      : !was_there ? GroupEdit::Kind::Enter
                                   : GroupEdit::Kind::Update;
    const bool is_news = whole ? *whole != group.whole : was_there;
    if (is_news) {
      writer.u8(static_cast<uint8_t>(kind));
      writer.blob(as_bytes(key));
      writer.blob(whole ? *whole : group.whole);
      ++seen;
    }
    if (whole) {
      group.whole = *whole;
    } else {
      bytes_ -= key.size();
      groups_.erase(found);
    }
  }
  if (seen == 0) return false;
  ByteWriter(out).varint(seen);
  ByteWriter(out).raw(steps);
  return true;
}

void MergedGroups::write_answer(ByteWriter& out) const {
  const uint64_t skipped = std::min<uint64_t>(query_.offset, groups_.size());
  const uint64_t left = groups_.size() - skipped;
  const uint64_t count = query_.limit ? std::min(*query_.limit, left) : left;
  out.varint(count);
  auto group = groups_.begin();
  std::advance(group, static_cast<ptrdiff_t>(skipped));
  for (uint64_t i = 0; i < count; ++i, ++group) {
    out.blob(as_bytes(group->first));
    out.blob(group->second.whole);
  }
}

}  // namespace topgun::dataflow
