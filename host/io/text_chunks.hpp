#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/io/array.hpp"
#include "host/io/io_error.hpp"
#include "host/io/parallel.hpp"
#include "host/io/text.hpp"

namespace orthant::io {

/// A run of whole lines and what was read from them, in their order.
template <class Record>
struct TextChunk {
  std::string_view text;
  Array<Record> records;
};

/// Cuts `text` at line ends into pieces for `threads` threads.
template <class Record>
std::vector<TextChunk<Record>> split_lines(std::string_view text, int threads) {
  // Several pieces a thread, so that one that is late delays little; none so small that starting it matters.
  constexpr std::int64_t smallest = 1 << 16;
  const auto size = static_cast<std::int64_t>(text.size());
  const std::int64_t pieces = threads == 1 ? 1 : std::clamp<std::int64_t>(size / smallest, 1, 8 * threads);
  std::vector<TextChunk<Record>> chunks(static_cast<std::size_t>(pieces));
  const char* const end = text.data() + size;
  const char* begin = text.data();
  for (std::int64_t i = 0; i < pieces; ++i) {
    const char* cut = std::max(begin, text.data() + block_begin(size, i + 1, pieces));
    if (cut != begin) cut = skip_line(cut - 1, end);
    chunks[static_cast<std::size_t>(i)].text = {begin, static_cast<std::size_t>(cut - begin)};
    begin = cut;
  }
  return chunks;
}

/// Reads all lines of `body`, in parallel.
/// @param whole the text that `body` is a part of, for line numbers; `name` its file
/// @param parse_line `(p, end, records)`: appends what the line at p holds, returns where the next begins, throws TextError
/// @throws IoError for the first line that parse_line refuses
template <class Record, class ParseLine>
std::vector<TextChunk<Record>> parse_lines(std::string_view body, std::string_view whole, const std::string& name,
                                           int threads, std::int64_t records_per_line, const ParseLine& parse_line) {
  std::vector<TextChunk<Record>> chunks = split_lines<Record>(body, threads);
  try {
    parallel_for(static_cast<std::int64_t>(chunks.size()), threads, [&](std::int64_t i) {
      TextChunk<Record>& chunk = chunks[static_cast<std::size_t>(i)];
      const char* p = chunk.text.data();
      const char* const end = p + chunk.text.size();
      // A record takes two characters at least, whatever number of them a line is said to hold.
      const std::int64_t lines = 1 + std::count(p, end, '\n');
      const std::int64_t most = static_cast<std::int64_t>(chunk.text.size()) / 2 + 1;
      chunk.records.reserve(
          static_cast<std::size_t>(lines > most / records_per_line ? most : lines * records_per_line));
      while (p != end) p = parse_line(p, end, chunk.records);
    });
  } catch (const TextError& e) {
    throw IoError::at_line(name, line_number(whole, e.position), e.what);
  }
  return chunks;
}

template <class Record>
std::int64_t count_records(const std::vector<TextChunk<Record>>& chunks) {
  std::int64_t count = 0;
  for (const auto& chunk : chunks) count += static_cast<std::int64_t>(chunk.records.size());
  return count;
}

/// All records in one array. The chunks lose theirs.
template <class Record>
Array<Record> concatenate(std::vector<TextChunk<Record>>& chunks, int threads) {
  if (chunks.size() == 1) return std::move(chunks[0].records);
  std::vector<std::int64_t> offsets{0};
  for (const auto& chunk : chunks) offsets.push_back(offsets.back() + static_cast<std::int64_t>(chunk.records.size()));
  Array<Record> all(static_cast<std::size_t>(offsets.back()));
  parallel_for(static_cast<std::int64_t>(chunks.size()), threads, [&](std::int64_t i) {
    Array<Record>& records = chunks[static_cast<std::size_t>(i)].records;
    std::copy(records.begin(), records.end(), all.begin() + offsets[static_cast<std::size_t>(i)]);
    records = {};
  });
  return all;
}

/// The place in the text of the record with the given index.
template <class Record, class ParseLine>
const char* locate_record(const std::vector<TextChunk<Record>>& chunks, std::int64_t index,
                          const ParseLine& parse_line) {
  auto chunk = chunks.begin();
  while (index >= static_cast<std::int64_t>(chunk->records.size())) {
    index -= static_cast<std::int64_t>(chunk->records.size());
    ++chunk;
  }
  const char* p = chunk->text.data();
  const char* const end = p + chunk->text.size();
  Array<Record> records;
  while (true) {
    const char* const next = parse_line(p, end, records);
    if (static_cast<std::int64_t>(records.size()) > index) return p;
    p = next;
  }
}

}  // namespace orthant::io
