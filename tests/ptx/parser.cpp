#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "tests/ptx/decode.hpp"
#include "tests/ptx/symbols.hpp"
#include "tests/ptx/tokens.hpp"

namespace ptx {
namespace {

constexpr std::array<std::string_view, 5> kLinkage = {".visible", ".weak", ".extern", ".common", ".noreturn"};

struct Declared {
  std::string_view name;
  std::size_t bytes = 0, alignment = 1;
  bool open_ended = false;         // name[]
  std::vector<std::byte> initial;  // as far as it is given
};

class Parser {
 public:
  Parser(const std::string& name, const std::string& text) : text_(text), tokens_(tokenize(text_)) {
    module_->name = name;
    tokens_.push_back({"", tokens_.empty() ? 1 : tokens_.back().line});
  }

  std::unique_ptr<Module> parse() {
    while (!at_end()) statement_of_file();
    for (const auto& [name, function] : module_->functions) finish(*function, 0);
    return std::move(module_);
  }

 private:
  // ---- Tokens.

  bool at_end() const { return next_ + 1 == tokens_.size(); }
  const Token& peek() const { return tokens_[next_]; }
  bool is(std::string_view text) const { return peek().text == text && !at_end(); }
  std::string_view take() {
    if (at_end()) fail("unexpected end");
    return tokens_[next_++].text;
  }
  bool take_if(std::string_view text) {
    if (!is(text)) return false;
    ++next_;
    return true;
  }
  void expect(std::string_view text) {
    if (!take_if(text)) fail("expected \"" + std::string(text) + "\", found \"" + std::string(peek().text) + "\"");
  }
  void skip_line() {
    const int line = tokens_[next_ - 1].line;
    while (!at_end() && peek().line == line) ++next_;
  }
  [[noreturn]] void fail(const std::string& what) const { fail_at(tokens_[next_ == 0 ? 0 : next_ - 1].line, what); }
  [[noreturn]] void fail_at(int line, const std::string& what) const {
    throw Error(module_->name + ":" + std::to_string(line) + ": " + what);
  }

  // ---- Numbers.

  template <class T>
  T number(std::string_view digits, int base) const {
    T value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc() || end != digits.data() + digits.size())
      fail("not a number: \"" + std::string(digits) + "\"");
    return value;
  }
  static bool is_number(std::string_view word) { return word[0] >= '0' && word[0] <= '9'; }
  // The bits of a literal: 12, 0x1F, 0f3F800000 (float), 0d3FF0000000000000 (double).
  std::uint64_t bits(std::string_view word) const {
    const std::string_view prefix = word.substr(0, 2);
    if (prefix == "0f" || prefix == "0F" || prefix == "0d" || prefix == "0D" || prefix == "0x" || prefix == "0X") {
      return number<std::uint64_t>(word.substr(2), 16);
    }
    return number<std::uint64_t>(word.substr(0, word.find('U')), 10);
  }
  std::int64_t integer() {
    const bool negative = take_if("-");
    const std::uint64_t value = bits(take());
    return static_cast<std::int64_t>(negative ? 0 - value : value);
  }

  // ---- The file.

  void statement_of_file() {
    const std::string_view word = take();
    if (word == ".version" || word == ".address_size") return skip_line();
    if (word == ".target") {
      module_->target = take();
      return skip_line();
    }
    if (word == ".file") return source_file();
    if (word == ".section") return skip_section();
    if (std::find(kLinkage.begin(), kLinkage.end(), word) != kLinkage.end()) return;
    if (word == ".global" || word == ".const") return global_variable(word == ".const");
    if (word == ".shared") return shared_variable();
    if (word == ".entry" || word == ".func") return function(word == ".entry");
    fail("unknown directive \"" + std::string(word) + "\"");
  }

  void source_file() {
    const auto index = static_cast<int>(integer());
    std::string_view path = take();
    path = path.substr(1, path.size() - 2);
    module_->sources[index] = path.substr(path.rfind('/') + 1);
    skip_line();
  }

  void skip_section() {
    while (!is("{")) take();
    while (!is("}")) take();
    take();
  }

  Declared declared() {
    Declared result;
    Type type = Type::none;
    std::size_t parts = 1;
    while (peek().text.starts_with('.')) {
      const std::string_view word = take().substr(1);
      if (word == "align") {
        result.alignment = integer();
      } else if (word == "v2" || word == "v4") {
        parts = word == "v2" ? 2 : 4;
      } else if (type_of(word) != Type::none) {
        type = type_of(word);
      } else if (word != "ptr" && word != "global" && word != "const" &&
                 word != "shared") {  // what a parameter points to
        fail("unknown attribute \"" + std::string(word) + "\"");
      }
    }
    if (type == Type::none) fail("a type is missing");
    result.bytes = size_of(type) * parts;
    result.alignment = std::max(result.alignment, result.bytes);
    result.name = take();
    while (take_if("[")) {
      result.open_ended = is("]");
      if (!result.open_ended) result.bytes *= integer();
      expect("]");
    }
    if (take_if("=")) initializer(size_of(type), result.initial);
    return result;
  }

  void initializer(std::size_t size, std::vector<std::byte>& bytes) {
    const bool list = take_if("{");
    do {
      const auto value = static_cast<std::uint64_t>(integer());
      const auto* first = reinterpret_cast<const std::byte*>(&value);
      bytes.insert(bytes.end(), first, first + size);
    } while (list && take_if(","));
    if (list) expect("}");
  }

  void global_variable(bool constant) {
    const Declared variable = declared();
    expect(";");
    if (variable.alignment > 16 || variable.open_ended)
      fail("variable \"" + std::string(variable.name) + "\" of an unknown kind");
    auto& words = module_->storage.emplace_back((variable.bytes + kGap) / 8 + 1);
    std::copy(variable.initial.begin(), variable.initial.end(), reinterpret_cast<std::byte*>(words.data()));
    const auto address = reinterpret_cast<std::uint64_t>(words.data());
    (constant ? module_->const_variables : module_->global_variables).push_back({address, variable.bytes});
    scopes_.add(variable.name, {Symbol::Kind::address, address, variable.bytes});
  }

  void shared_variable() {
    const Declared variable = declared();
    expect(";");
    if (variable.open_ended) return scopes_.add(variable.name, {Symbol::Kind::dynamic_shared});
    const std::size_t alignment = std::max<std::size_t>(variable.alignment, 16);
    const std::size_t begin = (module_->shared_bytes + alignment - 1) / alignment * alignment;
    module_->shared_bytes = begin + variable.bytes + kGap;
    scopes_.add(variable.name, {Symbol::Kind::shared, kStaticShared + begin, variable.bytes});
  }

  // ---- Functions.

  Function& function_named(std::string_view name) {
    auto& function = module_->functions[std::string(name)];
    if (function == nullptr) {
      function = std::make_unique<Function>();
      function->name = name;
    }
    return *function;
  }

  void function(bool is_kernel) {
    Function& function = function_named(name_ahead());
    std::string name = std::move(function.name);
    function = {};  // what a prototype said is said again
    function.name = std::move(name);
    function_ = &function;
    layout_ = std::make_unique<FrameLayout>(function);
    scopes_.open();
    if (is("(")) function.results = parameters();
    take();
    if (is("(")) function.parameters = parameters();
    while (!is("{") && !is(";")) directive(function);
    if (take_if("{")) {
      body();
      function.defined = true;
      if (is_kernel) module_->kernels[function.name] = &function;
    } else {
      expect(";");
    }
    scopes_.close();
  }

  // The results come before the name.
  std::string_view name_ahead() const {
    std::size_t i = next_;
    if (is("(")) {
      while (i + 2 < tokens_.size() && tokens_[i].text != ")") ++i;
      ++i;
    }
    return tokens_[i].text;
  }

  std::vector<Range> parameters() {
    std::vector<Range> ranges;
    expect("(");
    while (!take_if(")")) {
      expect(".param");
      ranges.push_back(frame_variable());
      take_if(",");
    }
    return ranges;
  }

  Range frame_variable() {
    const Declared variable = declared();
    if (variable.alignment > 16) fail("alignment of more than 16");
    const Range range = layout_->variable(variable.bytes, variable.alignment);
    scopes_.add(variable.name, {Symbol::Kind::frame, range.begin, range.bytes});
    return range;
  }

  void directive(Function& function) {
    const std::string_view word = take();
    if (word == ".noreturn") return;
    const bool bounds = word == ".maxntid" || word == ".reqntid";
    if (!bounds && word != ".minnctapersm" && word != ".maxnreg")
      fail("unknown directive \"" + std::string(word) + "\"");
    std::uint64_t product = 1;
    do product *= integer();
    while (take_if(","));
    if (bounds) function.most_threads = product;
  }

  void body() {
    const std::size_t outer = scopes_.depth();
    labels_.clear();
    jumps_.clear();
    tables_.clear();
    source_ = {};
    while (true) {
      if (take_if("{")) {
        scopes_.open();
      } else if (is("}")) {
        if (scopes_.depth() == outer) break;
        scopes_.close();
        take();
      } else {
        statement();
      }
    }
    add_return();
    take();
    for (const auto& [instruction, label] : jumps_) function_->code[instruction].offset = label_target(label);
    for (const auto& [name, row] : tables_used_) resolve_table(name, row);
    tables_used_.clear();
    layout_->finish();
  }

  void statement() {
    const Token first = peek();
    if (first.text == ".loc") {
      take();
      source_.source = static_cast<int>(integer());
      source_.source_line = static_cast<int>(integer());
      return skip_line();
    }
    if (tokens_[next_ + 1].text == ":") {
      next_ += 2;
      if (take_if(".branchtargets")) {
        do tables_[first.text].push_back(take());
        while (take_if(","));
        return expect(";");
      }
      labels_[first.text] = function_->code.size();
      return;
    }
    if (take_if(".reg")) return registers();
    if (take_if(".shared")) return shared_variable();
    if (take_if(".local") || take_if(".param")) {
      frame_variable();
      return expect(";");
    }
    if (take_if(".pragma")) {
      take();
      return expect(";");
    }
    instruction();
  }

  void registers() {
    if (type_of(take().substr(1)) == Type::none) fail("unknown type of registers");
    do {
      const std::string_view name = take();
      if (!take_if("<")) {
        scopes_.add(name, {Symbol::Kind::slot, layout_->new_register()});
        continue;
      }
      const std::int64_t count = integer();
      for (std::int64_t i = 0; i < count; ++i) {
        scopes_.add(std::string(name) + std::to_string(i), {Symbol::Kind::slot, layout_->new_register()});
      }
      expect(">");
    } while (take_if(","));
    expect(";");
  }

  // ---- Instructions.

  void instruction() {
    Instruction i;
    if (take_if("@")) {
      i.guard_value = !take_if("!");
      i.guard = slot_of(take(), 0);
    }
    const int line = peek().line;
    const std::string mnemonic(take());
    Shape shape;
    if (mnemonic.starts_with("call")) {
      i.offset = call();
    } else if (mnemonic.starts_with("bra")) {
      jumps_.emplace_back(function_->code.size(), take());
    } else {
      operands(i, shape, mnemonic.starts_with("brx"));
    }
    expect(";");
    add(i, shape, mnemonic, line);
  }

  void add(Instruction i, const Shape& shape, const std::string& mnemonic, int line) {
    if (!decode(mnemonic, shape, i)) {
      fail_at(line, "unknown instruction \"" + mnemonic + "\" with " + std::to_string(shape.size()) + " operands");
    }
    function_->code.push_back(i);
    Place place = source_;
    place.text = mnemonic;
    place.line = line;
    function_->places.push_back(std::move(place));
  }

  void add_return() { add({}, {}, "ret", peek().line); }

  void operands(Instruction& i, Shape& shape, bool branch_by_index) {
    std::size_t count = 0;
    while (!is(";")) {
      if (branch_by_index && count == 1) {
        i.offset = function_->branch_tables.size();
        function_->branch_tables.emplace_back();
        tables_used_.emplace_back(take(), i.offset);
        return;
      }
      const std::size_t first = count;
      if (take_if("{")) {
        do operand(i, count);
        while (take_if(","));
        expect("}");
      } else if (take_if("[")) {
        address(i, count);
        expect("]");
      } else {
        do operand(i, count);
        while (take_if("|"));
      }
      shape.push_back(count - first);
      if (!take_if(",")) break;
    }
  }

  void reserve(const Instruction& i, std::size_t count) const {
    if (count >= i.at.size()) fail("too many operands");
  }

  void operand(Instruction& i, std::size_t& count) {
    reserve(i, count);
    if (take_if("!")) i.negated = static_cast<std::uint16_t>(i.negated | 1U << count);
    if (is("-") || is_number(peek().text)) {
      i.at[count++] = layout_->constant(static_cast<std::uint64_t>(integer()));
    } else {
      const std::string_view name = take();
      const std::int64_t offset = take_if("+") ? integer() : 0;
      i.at[count++] = slot_of(name, offset);
    }
  }

  void address(Instruction& i, std::size_t& count) {
    reserve(i, count);
    const std::string_view name = take();
    if (take_if("+")) i.offset = integer();
    i.at[count++] = is_number(name) ? layout_->constant(bits(name)) : slot_of(name, 0);
  }

  Slot slot_of(std::string_view name, std::int64_t offset) {
    if (name == "_") return kSinkSlot;
    if (name == "WARP_SZ") return layout_->constant(32);
    if (const Symbol* symbol = scopes_.find(name)) return layout_->slot(*symbol, offset);
    try {
      return layout_->special(name);
    } catch (const std::out_of_range&) {
      fail("unknown name \"" + std::string(name) + "\"");
    }
  }

  // call (result), name, (argument, argument);
  std::uint64_t call() {
    Call call;
    if (is("(")) {
      call.results = slots_in_parentheses();
      expect(",");
    }
    call.callee = &function_named(take());
    if (take_if(",")) call.arguments = slots_in_parentheses();
    function_->calls.push_back(std::move(call));
    return function_->calls.size() - 1;
  }

  std::vector<Slot> slots_in_parentheses() {
    std::vector<Slot> slots;
    expect("(");
    while (!take_if(")")) {
      slots.push_back(slot_of(take(), 0));
      take_if(",");
    }
    return slots;
  }

  std::uint64_t label_target(std::string_view label) const {
    const auto found = labels_.find(label);
    if (found == labels_.end()) fail("unknown label \"" + std::string(label) + "\"");
    return found->second;
  }

  void resolve_table(std::string_view name, std::uint64_t row) {
    if (!tables_.contains(name)) fail("unknown table \"" + std::string(name) + "\"");
    for (const std::string_view label : tables_[name]) function_->branch_tables[row].push_back(label_target(label));
  }

  /// Adds up what a function and those it calls need.
  std::size_t finish(Function& function, std::size_t depth) {
    if (!function.defined || function.stack_bytes != 0) return function.stack_bytes;
    if (depth > module_->functions.size()) throw Error(module_->name + ": " + function.name + " is recursive");
    std::size_t deepest = 0;
    for (const Call& call : function.calls) {
      Function& callee = *module_->functions.at(call.callee->name);
      const bool known =
          std::find(kExternalFunctions.begin(), kExternalFunctions.end(), callee.name) != kExternalFunctions.end();
      if (!callee.defined && !known) {
        throw Error(module_->name + ": " + function.name + " calls the unknown function " + callee.name);
      }
      if (call.arguments.size() != callee.parameters.size() || call.results.size() != callee.results.size()) {
        throw Error(module_->name + ": " + function.name + " calls " + callee.name +
                    " with other parameters than it has");
      }
      deepest = std::max(deepest, finish(callee, depth + 1));
      function.shared.insert(function.shared.end(), callee.shared.begin(), callee.shared.end());
      function.has_dynamic_shared |= callee.has_dynamic_shared;
    }
    function.stack_bytes = function.frame_bytes + deepest;
    return function.stack_bytes;
  }

  const std::string text_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
  std::unique_ptr<Module> module_ = std::make_unique<Module>();
  Scopes scopes_;

  // Of the function being read.
  Function* function_ = nullptr;
  std::unique_ptr<FrameLayout> layout_;
  Place source_;
  std::map<std::string_view, std::uint64_t> labels_;
  std::vector<std::pair<std::size_t, std::string_view>> jumps_;
  std::map<std::string_view, std::vector<std::string_view>> tables_;
  std::vector<std::pair<std::string_view, std::uint64_t>> tables_used_;
};

}  // namespace

std::unique_ptr<Module> parse(const std::string& name, const std::string& text) { return Parser(name, text).parse(); }

std::unique_ptr<Module> load(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(path.string() + ": cannot be opened");
  return parse(path.filename().string(), {std::istreambuf_iterator<char>(file), {}});
}

}  // namespace ptx
