// What a firmware uses of TFLM, as far as the lines of an export's README.md go; every header that they include is this.
// The interpreter answers what the program says it does.
#ifndef TFLM_STUB_H_
#define TFLM_STUB_H_

#include <stddef.h>
#include <stdint.h>

#include <set>
#include <string>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
enum TfLiteType { kTfLiteFloat32 = 1, kTfLiteInt32 = 2, kTfLiteUInt8 = 3, kTfLiteInt16 = 7, kTfLiteInt8 = 9 };

struct TfLiteTensor {
  struct {
    char* raw;
  } data;
};

namespace tflite {

struct Model {
  const void* bytes;
};

inline const Model* GetModel(const void* bytes) {
  static Model model;
  model.bytes = bytes;
  return &model;
}

template <unsigned int kCount>
class MicroMutableOpResolver {
 public:
  std::set<std::string> added;

#define STUB_METHOD(method) \
  TfLiteStatus method() { return added.size() < kCount && added.insert(#method).second ? kTfLiteOk : kTfLiteError; }
  STUB_METHODS(STUB_METHOD)
#undef STUB_METHOD
};

// Of the program: what the model answers to an input.
void Answer(const void* model, const char* input, char* output);

class MicroInterpreter {
 public:
  template <typename Resolver>
  MicroInterpreter(const Model* model, const Resolver& resolver, uint8_t* arena, size_t size)
      : model_(model), complete_(resolver.added.size() == STUB_OPERATORS) {
    aligned_ = reinterpret_cast<uintptr_t>(arena) % 16 == 0 && reinterpret_cast<uintptr_t>(model->bytes) % 16 == 0;
    large_ = size >= STUB_ARENA;
    input_.data.raw = in_;
    output_.data.raw = out_;
  }
  TfLiteStatus AllocateTensors() { return complete_ && aligned_ && large_ ? kTfLiteOk : kTfLiteError; }
  TfLiteTensor* input(size_t) { return &input_; }
  TfLiteTensor* output(size_t) { return &output_; }
  TfLiteStatus Invoke() {
    Answer(model_->bytes, in_, out_);
    return kTfLiteOk;
  }

 private:
  const Model* model_;
  bool complete_, aligned_ = false, large_ = false;
  char in_[4096], out_[4096];
  TfLiteTensor input_, output_;
};

}  // namespace tflite

#endif
