// grilly_vk.runtime.kp: Kompute under the names of its own Python module, on devices that we open.
#include "calls.hpp"
#include "describe.hpp"
#include "device.hpp"
#include "host.hpp"
#include "interrupts.hpp"
#include "operations.hpp"
#include "submits.hpp"

#include <kompute/Algorithm.hpp>
#include <kompute/Tensor.hpp>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace py = pybind11;
using namespace grilly;

namespace {

std::vector<std::uint32_t> words_of(const py::bytes& bytes)
{
    char* data;
    py::ssize_t size;
    if (PyBytes_AsStringAndSize(bytes.ptr(), &data, &size))
        throw py::error_already_set();
    if (size % 4)
        throw py::value_error("expected whole 32-bit words, got " + std::to_string(size) + " bytes");
    std::vector<std::uint32_t> words(size / 4);
    std::memcpy(words.data(), data, size);
    return words;
}

std::shared_ptr<kp::Tensor> make_tensor(Device& device, std::uint32_t nbytes, kp::Tensor::TensorTypes type)
{
    if (nbytes == 0 || nbytes % 4)
        throw py::value_error("a tensor has a positive number of 32-bit words, not " + std::to_string(nbytes) + " bytes");
    std::unique_ptr<void, void (*)(void*)> zeros(std::calloc(nbytes / 4, 4), std::free);
    if (!zeros)
        throw std::bad_alloc();
    return checked([&] {
        return std::make_shared<kp::Tensor>(device.physical(), device.logical(), zeros.get(), nbytes / 4, 4,
                                            kp::Tensor::TensorDataTypes::eUnsignedInt, type);
    });
}

std::shared_ptr<kp::Algorithm> make_algorithm(Device& device, const std::vector<std::shared_ptr<kp::Tensor>>& tensors,
                                              const py::bytes& spirv, const kp::Workgroup& workgroup,
                                              const py::bytes& spec, std::size_t push_words)
{
    return checked([&] {
        return std::make_shared<kp::Algorithm>(device.logical(), tensors, words_of(spirv), workgroup, words_of(spec),
                                               std::vector<std::uint32_t>(push_words));
    });
}

py::array data_of(const std::shared_ptr<kp::Tensor>& tensor)
{
    if (!tensor->rawData())
        throw std::runtime_error("this tensor's memory is not visible to the host, or is gone");
    return py::array_t<std::uint32_t>({ (py::ssize_t)tensor->size() }, { 4 }, (const std::uint32_t*)tensor->rawData(),
                                      py::cast(tensor));
}

} // namespace

PYBIND11_MODULE(kp, m)
{
    m.doc() = "Kompute 0.9.0 on devices that grilly_vk opens. Names as in Kompute's own Python module, beside Device, "
              "Submits, Barrier, Timestamps and Stamp, which it lacks. See docs/architecture.md.";
    m.attr("__version__") = KOMPUTE_VERSION;
    m.attr("vulkan_headers") = VK_HEADER_VERSION;

    static PyObject* error = PyErr_NewExceptionWithDoc(
      "grilly_vk.runtime.kp.VulkanError", "A Vulkan call that failed; `result` is its VkResult.",
      PyExc_RuntimeError, nullptr);
    m.attr("VulkanError") = py::handle(error);
    py::register_exception_translator([](std::exception_ptr p) {
        try {
            if (p)
                std::rethrow_exception(p);
        } catch (const VulkanError& e) {
            py::object made = py::reinterpret_steal<py::object>(PyObject_CallFunction(error, "s", e.what()));
            if (made) {
                made.attr("result") = (int)e.result;
                PyErr_SetObject(error, made.ptr());
            }
        }
    });
    m.attr("DEVICE_LOST") = (int)VK_ERROR_DEVICE_LOST;
    m.attr("OUT_OF_MEMORY") = py::make_tuple((int)VK_ERROR_OUT_OF_HOST_MEMORY, (int)VK_ERROR_OUT_OF_DEVICE_MEMORY,
                                             (int)VK_ERROR_TOO_MANY_OBJECTS);

    add_interrupts(m);
    m.def("devices", &devices, "What each Vulkan device's driver says about it, as a list of dicts; [] without a driver.");
    m.def("fail", &fail, py::arg("call"), py::arg("result"), py::arg("skip") = 0,
          "For tests: the Vulkan call of this name fails once with `result`, after `skip` more calls of it.");

    py::class_<Feature>(m, "Feature", "An optional feature: its name, its extension, who needs it, offered, taken.")
      .def_readonly("name", &Feature::name)
      .def_readonly("extension", &Feature::extension)
      .def_readonly("purpose", &Feature::purpose)
      .def_readonly("offered", &Feature::offered)
      .def_readonly("taken", &Feature::taken);

    py::class_<Device, std::shared_ptr<Device>>(m, "Device", "An opened Vulkan device with its compute queue.")
      .def(py::init([](std::uint32_t index, const py::bytes& cache, bool features) {
               return std::make_shared<Device>(index, std::string(cache), features);
           }),
           py::arg("index"), py::arg("pipeline_cache") = py::bytes(), py::arg("features") = true)
      .def_readonly("features", &Device::features)
      .def_property_readonly("pinned_subgroups", [](Device& self) { return self.pipelines->lanes; },
                             "The subgroup size that kernels with broadcasts are pinned to; 0: the device can't.")
      .def("memory_budget", &Device::memory_budget,
           "(budget, usage) of each heap in bytes, by VK_EXT_memory_budget; [] without it.")
      .def("pipeline_cache", [](Device& self) { return py::bytes(self.pipelines->cache()); },
           "The driver's pipeline cache, for a later Device.")
      .def_property_readonly("pipelines", [](Device& self) { return self.pipelines->made(); }, "Pipelines made so far.")
      .def("wait_idle", &Device::wait_idle, py::call_guard<py::gil_scoped_release>());

    py::class_<kp::Tensor, std::shared_ptr<kp::Tensor>> tensor(m, "Tensor", "Kompute's tensor: one buffer, zeros.");
    py::enum_<kp::Tensor::TensorTypes>(m, "TensorTypes")
      .value("host", kp::Tensor::TensorTypes::eHost, "Memory that the host sees.")
      .value("storage", kp::Tensor::TensorTypes::eStorage, "Memory of the device alone.");
    tensor
      .def(py::init(&make_tensor), py::arg("device"), py::arg("nbytes"), py::arg("tensor_type"))
      .def("data", &data_of, "The memory as uint32, without a copy.")
      .def("size", &kp::Tensor::size, "Number of 32-bit words.")
      .def("is_init", &kp::Tensor::isInit)
      .def("destroy", &kp::Tensor::destroy);

    py::class_<kp::Algorithm, std::shared_ptr<kp::Algorithm>>(
      m, "Algorithm", "Kompute's algorithm: a kernel with its constants, tensors and group count.")
      .def(py::init(&make_algorithm), py::arg("device"), py::arg("tensors"), py::arg("spirv"), py::arg("workgroup"),
           py::arg("spec_consts"), py::arg("push_words"))
      .def("is_init", &kp::Algorithm::isInit);

    py::class_<kp::OpBase, std::shared_ptr<kp::OpBase>>(m, "OpBase", "What can be recorded into a Sequence.");
    py::class_<Dispatch, kp::OpBase, std::shared_ptr<Dispatch>>(m, "OpAlgoDispatch", "Runs an Algorithm.")
      .def(py::init([](std::shared_ptr<kp::Algorithm> algorithm, const py::bytes& push, std::uint32_t first,
                       std::uint32_t count) {
               return std::make_shared<Dispatch>(std::move(algorithm), words_of(push), first, count);
           }),
           py::arg("algorithm"), py::arg("push_consts"), py::arg("first") = 0, py::arg("count") = 0);
    py::class_<Barrier, kp::OpBase, std::shared_ptr<Barrier>> barrier(m, "Barrier", "A global memory barrier.");
    py::enum_<Barrier::Where>(barrier, "Where")
      .value("BEGIN", Barrier::Where::Begin)
      .value("BETWEEN", Barrier::Where::Between)
      .value("END", Barrier::Where::End);
    barrier.def(py::init<Barrier::Where>());

    py::class_<Timestamps, std::shared_ptr<Timestamps>>(m, "Timestamps", "Device times that Stamps write.")
      .def(py::init<std::shared_ptr<Device>, std::uint32_t>(), py::arg("device"), py::arg("count"))
      .def("read", &Timestamps::read, "Ticks of each stamp, once their submit is done.");
    py::class_<Stamp, kp::OpBase, std::shared_ptr<Stamp>>(
      m, "Stamp", "Notes when all commands before it are done. Number 0 must come first.")
      .def(py::init<std::shared_ptr<Timestamps>, std::uint32_t>(), py::arg("times"), py::arg("number"));

    py::class_<Blas>(m, "Blas", "A BLAS in this process, by the addresses of its functions.")
      .def(py::init<std::uintptr_t, bool, std::uintptr_t, std::uintptr_t>(), py::arg("sgemm"), py::arg("wide"),
           py::arg("get_threads"), py::arg("set_threads"));
    py::class_<Host, std::shared_ptr<Host>>(m, "Host", "The processors, with a BLAS.")
      .def(py::init<const Blas&>(), py::arg("blas"))
      .def_property_readonly("threads", [](const Host& self) { return self.team.size(); });
    py::class_<HostFace::Binding>(m, "HostBinding")
      .def_readonly("name", &HostFace::Binding::name)
      .def_readonly("reads", &HostFace::Binding::reads)
      .def_readonly("writes", &HostFace::Binding::writes);
    py::class_<HostFace>(m, "HostFace", "What a call of the host declares: bindings, numbers and factors.")
      .def_readonly("name", &HostFace::name)
      .def_readonly("bindings", &HostFace::bindings)
      .def_readonly("numbers", &HostFace::numbers)
      .def_readonly("factors", &HostFace::factors);
    m.def("host_faces", &host_faces, py::return_value_policy::reference, "Every kind of call that the host does.");
    py::class_<HostCall, std::shared_ptr<HostCall>>(m, "HostCall", "One call of the host, on memory that it sees.")
      .def(py::init([](const std::string& name, std::vector<std::shared_ptr<kp::Tensor>> tensors, const py::bytes& words) {
               return host_call(name, std::move(tensors), words_of(words));
           }),
           py::arg("name"), py::arg("tensors"), py::arg("words"));

    py::class_<Piece, std::shared_ptr<Piece>>(m, "Piece", "What a submit is made of.");
    py::class_<HostWork, Piece, std::shared_ptr<HostWork>>(m, "HostWork", "Calls of the host, one after the other.")
      .def(py::init<std::shared_ptr<Host>, std::vector<std::shared_ptr<HostCall>>>(), py::arg("host"), py::arg("calls"))
      .def("read", &HostWork::read, "Nanoseconds before and after each call, once it is done.");
    py::class_<Sequence, Piece, std::shared_ptr<Sequence>>(m, "Sequence", "Kompute's sequence of operations.")
      .def(py::init<const std::shared_ptr<Device>&>(), py::arg("device"))
      .def("record", &Sequence::record, py::arg("op"));

    py::class_<Submits, std::shared_ptr<Submits>>(m, "Submits", "Gives sequences to a device's queue, and waits for them.")
      .def(py::init<std::shared_ptr<Device>>(), py::arg("device"))
      .def("submit",
           py::overload_cast<const std::vector<std::vector<std::shared_ptr<Piece>>>&>(&Submits::submit),
           py::arg("groups"), "Gives each group of pieces to the queue as one submit; returns at once.")
      .def("wait", &Submits::wait, py::arg("number"),
           "Waits until submits 1 to `number` are done; whether it had to. Other threads run, and signals are seen "
           "within a tenth of a second.")
      .def_property_readonly("busy", &Submits::busy, "Whether some of it still runs.")
      .def_property_readonly("issued", &Submits::issued)
      .def_property_readonly("finished", &Submits::finished);
}
