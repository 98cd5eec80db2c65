#include "gb28181/xml_repair.hpp"

#include <algorithm>
#include <vector>

#include "gb28181/xml.hpp"

namespace gb28181::xml {
namespace {

bool is_name_start(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

bool is_name_character(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Reads on from a place in the text; every function leaves the place alone when it finds nothing.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  std::string_view rest() const { return text_; }
  char take() {
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  bool skip(std::string_view literal) {
    if (!text_.starts_with(literal)) return false;
    text_.remove_prefix(literal.size());
    return true;
  }
  void skip_blanks() {
    while (!text_.empty() && is_blank(text_.front())) text_.remove_prefix(1);
  }
  std::string_view name() {
    if (text_.empty() || !is_name_start(text_.front())) return {};
    const auto end = std::find_if_not(text_.begin(), text_.end(), is_name_character);
    return take(static_cast<std::size_t>(end - text_.begin()));
  }
  // Up to the terminator, which is consumed too; nothing when it never comes.
  std::optional<std::string_view> until(std::string_view terminator) {
    const auto at = text_.find(terminator);
    if (at == std::string_view::npos) return std::nullopt;
    const auto before = text_.substr(0, at);
    text_.remove_prefix(at + terminator.size());
    return before;
  }

 private:
  std::string_view take(std::size_t count) {
    const auto taken = text_.substr(0, count);
    text_.remove_prefix(count);
    return taken;
  }

  std::string_view text_;
};

constexpr std::size_t max_attributes = 16;  // of one tag; further ones are dropped

struct Tag {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> attributes;
  bool end = false;    // </x>
  bool empty = false;  // <x/>
};

// name = "value" or 'value'
bool read_attribute(Cursor& cursor, Tag& tag) {
  const auto name = cursor.name();
  if (name.empty()) return false;
  cursor.skip_blanks();
  if (!cursor.skip("=")) return false;
  cursor.skip_blanks();
  if (cursor.done()) return false;
  const char quote = cursor.take();
  if (quote != '"' && quote != '\'') return false;
  const auto value = cursor.until(std::string_view(&quote, 1));
  if (!value || value->find('<') != std::string_view::npos) return false;
  if (tag.attributes.size() >= max_attributes) return true;
  for (const auto& [known, unused] : tag.attributes)
    if (known == name) return true;  // expat refuses a repeated one
  tag.attributes.emplace_back(name, *value);
  return true;
}

// The tag at the cursor, which stands on '<'. Nothing when that '<' begins no tag.
std::optional<Tag> read_tag(Cursor& cursor) {
  Cursor ahead = cursor;
  Tag tag;
  ahead.skip("<");
  tag.end = ahead.skip("/");
  tag.name = ahead.name();
  if (tag.name.empty()) return std::nullopt;
  for (;;) {
    ahead.skip_blanks();
    if (ahead.skip("/>")) {
      tag.empty = true;
      break;
    }
    if (ahead.skip(">")) break;
    if (tag.end || !read_attribute(ahead, tag)) return std::nullopt;
  }
  cursor = ahead;
  return tag;
}

// How far to look for the next end tag: longer texts than this hold no raw '<' worth the search,
// and without a bound a hostile document costs quadratic time.
constexpr std::size_t look_ahead_bytes = 512;

std::string_view next_end_tag(Cursor cursor) {
  Cursor ahead(cursor.rest().substr(0, look_ahead_bytes));
  if (!ahead.until("</")) return {};
  return ahead.name();
}

class Repair {
 public:
  Repair(std::string_view text, std::string_view item_name, std::size_t depth)
      : cursor_(text), item_name_(item_name), depth_(depth) {
    out_.reserve(text.size() + text.size() / 8);
  }

  std::string run() {
    while (!cursor_.done() && !root_closed_) step();
    while (!open_.empty()) close();
    return std::move(out_);
  }

 private:
  struct Open {
    std::string_view name;
    bool has_text = false;
    bool has_children = false;
  };

  void step() {
    if (cursor_.rest().front() != '<') return text();
    if (section(comment_) || section(instruction_)) return;
    if (const auto piece = section(cdata_)) return raw(*piece);
    Cursor behind = cursor_;
    const auto tag = read_tag(behind);
    if (!tag || (!tag->end && is_text(*tag, behind))) return raw_bracket();
    cursor_ = behind;
    tag->end ? end(*tag) : start(*tag);
  }

  // A section that never ends is not searched for again: that would take quadratic time.
  struct Section {
    std::string_view begin, end;
    bool endless = false;
  };

  // Consumes such a section at the cursor; yields what is inside.
  std::optional<std::string_view> section(Section& kind) {
    if (kind.endless || !cursor_.rest().starts_with(kind.begin)) return std::nullopt;
    Cursor ahead = cursor_;
    ahead.skip(kind.begin);
    const auto inside = ahead.until(kind.end);
    kind.endless = !inside;
    if (inside) cursor_ = ahead;
    return inside;
  }

  // A bracket inside a text, as in <Name>lane <a> north</Name>.
  bool is_text(const Tag& tag, const Cursor& behind) const {
    if (open_.size() >= depth_) return true;
    if (open_.empty() || !open_.back().has_text || is_container(open_.back())) return false;
    const auto next = next_end_tag(behind);
    return !next.empty() && equal_names(next, open_.back().name) && !equal_names(next, tag.name);
  }

  void start(const Tag& tag) {
    if (open_.size() > 1 && open_.back().has_text && !is_container(open_.back())) close();
    if (equal_names(tag.name, item_name_) && is_open(item_name_)) close_through(item_name_);
    out_ += '<';
    out_ += tag.name;
    for (const auto& [name, value] : tag.attributes) {
      out_ += ' ';
      out_ += name;
      out_ += "=\"";
      append_text(value);
      out_ += '"';
    }
    out_ += '>';
    if (!open_.empty()) open_.back().has_children = true;
    open_.push_back({tag.name});
    if (tag.empty) close();
  }

  // Text inside it is junk between its children, not a value.
  bool is_container(const Open& open) const {
    return open.has_children || equal_names(open.name, item_name_) ||
           ends_with(open.name, "List") || ends_with(open.name, "Info");
  }

  static bool ends_with(std::string_view name, std::string_view end) {
    return name.size() >= end.size() && equal_names(name.substr(name.size() - end.size()), end);
  }

  void end(const Tag& tag) {
    if (is_open(tag.name)) close_through(tag.name);
  }

  bool is_open(std::string_view name) const {
    return std::any_of(open_.begin(), open_.end(),
                       [&](const Open& open) { return equal_names(open.name, name); });
  }

  // The innermost element of that name, and all inside it.
  void close_through(std::string_view name) {
    while (!open_.empty()) {
      const bool last = equal_names(open_.back().name, name);
      close();
      if (last) return;
    }
  }

  void close() {
    out_ += "</";
    out_ += open_.back().name;
    out_ += '>';
    open_.pop_back();
    root_closed_ = open_.empty();
  }

  void text() {
    const auto rest = cursor_.rest();
    const auto piece = rest.substr(0, rest.find('<'));
    cursor_.skip(piece);
    note_text(piece);
    append_text(piece);
  }

  void raw_bracket() {
    cursor_.take();
    raw("<");
  }

  void raw(std::string_view piece) {
    note_text(piece);
    append_escaped(piece, out_);
  }

  void note_text(std::string_view piece) {
    if (open_.empty()) return;
    open_.back().has_text |= !std::all_of(piece.begin(), piece.end(), is_blank);
  }

  // Keeps the five entities of XML; another '&' is text.
  void append_text(std::string_view piece) {
    while (!piece.empty()) {
      const auto entity = piece.front() == '&' ? entity_size(piece) : 0;
      if (entity > 0)
        out_ += piece.substr(0, entity);
      else
        append_escaped(piece.substr(0, 1), out_);
      piece.remove_prefix(std::max<std::size_t>(entity, 1));
    }
  }

  static std::size_t entity_size(std::string_view text) {
    for (const std::string_view known : {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"})
      if (text.starts_with(known)) return known.size();
    return 0;
  }

  Cursor cursor_;
  std::string_view item_name_;
  std::size_t depth_;
  std::string out_;
  std::vector<Open> open_;
  Section comment_{"<!--", "-->"};
  Section cdata_{"<![CDATA[", "]]>"};
  Section instruction_{"<?", "?>"};
  bool root_closed_ = false;
};

}  // namespace

std::optional<std::size_t> find_root(std::string_view text) {
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
    const auto rest = text.substr(at);
    if (rest.size() > 1 && is_name_start(rest[1])) return at;
    if (rest.starts_with("<!DOCTYPE")) return std::nullopt;
    const auto skipped = rest.starts_with("<!--") ? rest.find("-->") : 0;
    if (skipped == std::string_view::npos) return std::nullopt;
    at += skipped + 1;
  }
  return std::nullopt;
}

std::string repair(std::string_view text, std::string_view item_name, std::size_t depth) {
  return Repair(text, item_name, depth).run();
}

}  // namespace gb28181::xml
