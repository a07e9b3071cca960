#include "host-native/json/message_json.hpp"

#include "host-native/json/query_forms.hpp"

namespace topgun::host {

namespace json = boost::json;

namespace {

/// Values are at most 32 deep, each level perhaps in a `$map`, inside an operation of a list of a
/// message of the frame.
constexpr size_t kDepthMax = 2 * 32 + 8;

constexpr std::string_view kMessage = "message";
constexpr std::string_view kPayload = "payload";
constexpr std::string_view kUnknown = "unknown";

template <typename Matches>
const MessageForm* find_form(Matches&& matches) {
  for (const auto forms : {message_forms(), query_forms()}) {
    for (const MessageForm& form : forms) {
      if (matches(form)) return &form;
    }
  }
  return nullptr;
}

const MessageForm* form_of(uint8_t kind) {
  return find_form(
      [&](const MessageForm& form) { return static_cast<uint8_t>(form.kind) == kind; });
}

const MessageForm* form_of(std::string_view name) {
  return find_form([&](const MessageForm& form) { return form.name == name; });
}

void write_message(JsonWriter& out, const MessageView& message) {
  const MessageForm* form = form_of(message.kind);
  out.begin_object();
  out.name(kMessage);
  out.text(form == nullptr ? kUnknown : form->name);
  if (form == nullptr) {
    out.name("kind");
    out.integer(message.kind);
  }
  if (form == nullptr || !form->write(out, message.payload)) {
    out.name(kPayload);
    out.bytes(message.payload);
  }
  out.end_object();
}

void put_raw_message(uint8_t kind, ByteView payload, Bytes& frame) {
  ByteWriter to(frame);
  to.varint(payload.size() + 1);
  to.u8(kind);
  to.raw(payload);
}

/// Reads messages one after the other into a frame.
class FrameJsonReader {
 public:
  explicit FrameJsonReader(const JsonDefaults& defaults)
      : defaults_(defaults), replica_(defaults.replica) {}

  void read_message(const json::value& value) {
    JsonMembers members(value, problem);
    const std::string_view name = members.text(kMessage);
    const MessageForm* form = form_of(name);
    if (form == nullptr && name != kUnknown) {
      return problem.say(Error::UnknownMessage, "'message': no message has this name");
    }
    if (form == nullptr || members.has(kPayload)) {
      const auto kind = form != nullptr ? static_cast<uint8_t>(form->kind)
                                        : static_cast<uint8_t>(members.number("kind", {}, 255));
      put_raw_message(kind, members.bytes(kPayload), frame);
    } else {
      MessageWriter to(frame);
      MessageReading reading{members, problem, defaults_, replica_, count_, to};
      form->read(reading);
    }
    members.expect_no_others();
    ++count_;
  }

  Bytes frame;
  JsonProblem problem;

 private:
  const JsonDefaults& defaults_;
  uint64_t replica_;
  uint64_t count_ = 0;
};

bool is_message(const json::array& messages, size_t index, std::string_view name) {
  if (index >= messages.size()) return false;
  const json::object* object = messages[index].if_object();
  const json::value* found = object == nullptr ? nullptr : object->if_contains("message");
  return found != nullptr && found->is_string() && found->get_string() == name;
}

json::value plain_message(std::string_view name) {
  return {{"message", json::string_view(name.data(), name.size())}};
}

}  // namespace

std::optional<std::string> frame_to_json(ByteView frame) {
  std::string text;
  JsonWriter out(text);
  out.begin_array();
  FrameReader reader(frame);
  while (const auto message = reader.next()) {
    // A line each, for eyes and for grep.
    text += text.size() > 1 ? ",\n " : "";
    JsonWriter line(text);
    write_message(line, *message);
  }
  if (!reader.ok()) return std::nullopt;
  out.end_array();
  text += '\n';
  return text;
}

JsonFrame json_to_frame(std::string_view text, const JsonDefaults& defaults) {
  const auto parsed = parse_json(text, kDepthMax);
  if (!parsed) return {std::nullopt, Error::Malformed, "not JSON, or nested too deeply"};
  const json::array* messages = parsed->if_array();
  if (messages == nullptr) return {std::nullopt, Error::Malformed, "expected an array of messages"};

  FrameJsonReader reader(defaults);
  size_t next = 0;
  if (defaults.fills_opening) {
    for (const std::string_view name : {"hello", "exchange"}) {
      const bool is_there = is_message(*messages, next, name);
      reader.read_message(is_there ? (*messages)[next] : plain_message(name));
      if (is_there) ++next;
    }
  }
  for (; next < messages->size() && reader.problem.empty(); ++next) {
    reader.read_message((*messages)[next]);
  }
  if (!reader.problem.empty()) return {std::nullopt, reader.problem.error(), reader.problem.text()};
  return {std::move(reader.frame), {}, {}};
}

}  // namespace topgun::host
