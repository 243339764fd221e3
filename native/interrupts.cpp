#include "interrupts.hpp"

#include <structmember.h>

namespace py = pybind11;

namespace grilly {

namespace {

// ---- Ticket(append): calls append(ticket.held) when it is dropped, unless that is None ----

struct Ticket
{
    PyObject_HEAD PyObject* append;
    PyObject* held;
};

PyObject* ticket_new(PyTypeObject* type, PyObject* args, PyObject* kwargs)
{
    if ((kwargs && PyDict_GET_SIZE(kwargs)) || PyTuple_GET_SIZE(args) != 1) {
        PyErr_SetString(PyExc_TypeError, "Ticket takes one callable");
        return nullptr;
    }
    auto* self = (Ticket*)type->tp_alloc(type, 0);
    if (!self)
        return nullptr;
    self->append = PyTuple_GET_ITEM(args, 0);
    Py_INCREF(self->append);
    Py_INCREF(Py_None);
    self->held = Py_None;
    return (PyObject*)self;
}

void ticket_dealloc(PyObject* object)
{
    auto* self = (Ticket*)object;
    if (self->held && self->held != Py_None) {
        PyObject *kind, *error, *trace;
        PyErr_Fetch(&kind, &error, &trace); // a tensor may be dropped while an exception is on its way
        PyObject* done = PyObject_CallFunctionObjArgs(self->append, self->held, nullptr);
        if (!done && PyErr_ExceptionMatches(PyExc_KeyError)) // dict.pop of what is gone already
            PyErr_Clear();
        else if (!done)
            PyErr_WriteUnraisable(self->append);
        Py_XDECREF(done);
        PyErr_Restore(kind, error, trace);
    }
    Py_CLEAR(self->held);
    Py_CLEAR(self->append);
    PyTypeObject* type = Py_TYPE(object);
    type->tp_free(object);
    Py_DECREF(type);
}

PyMemberDef ticket_members[] = {
    { "held", T_OBJECT, offsetof(Ticket, held), 0, "what is queued" },
    { nullptr, 0, 0, 0, nullptr },
};

PyType_Slot ticket_slots[] = {
    { Py_tp_new, (void*)ticket_new },
    { Py_tp_dealloc, (void*)ticket_dealloc },
    { Py_tp_members, ticket_members },
    { Py_tp_doc, (void*)"Ticket(append): when it is dropped, append(ticket.held), unless that is None. A finalizer that "
                        "no interrupt can fall into, if append is a method of a deque or dict." },
    { 0, nullptr },
};

PyType_Spec ticket_spec = { "grilly_vk.runtime.kp.Ticket", (int)sizeof(Ticket), 0, Py_TPFLAGS_DEFAULT, ticket_slots };

// ---- leaving(method, owner): a callable that calls the method again if it raised before it counted owner.left up ----

const int MOST = 1000; // interrupts in a row, each at the entry

PyObject* leave(PyObject* pair, PyObject* args)
{
    PyObject* method = PyTuple_GET_ITEM(pair, 0);
    PyObject* owner = PyTuple_GET_ITEM(pair, 1);
    PyObject* before = PyObject_GetAttrString(owner, "left");
    if (!before)
        return nullptr;
    PyObject *kind = nullptr, *error = nullptr, *trace = nullptr; // the interrupt that was put off
    PyObject* result = nullptr;
    for (int i = 0; i < MOST; i++) {
        result = PyObject_Call(method, args, nullptr);
        if (result)
            break;
        PyObject *k, *e, *t;
        PyErr_Fetch(&k, &e, &t);
        PyObject* now = PyObject_GetAttrString(owner, "left");
        int same = now ? PyObject_RichCompareBool(now, before, Py_EQ) : 0;
        Py_XDECREF(now);
        PyErr_Clear();
        Py_XDECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        kind = k, error = e, trace = t;
        if (same != 1)
            break;
    }
    Py_DECREF(before);
    if (kind) {
        Py_CLEAR(result);
        PyErr_Restore(kind, error, trace);
    }
    return result;
}

PyMethodDef leave_method = { "__exit__", leave, METH_VARARGS, nullptr };

} // namespace

void add_interrupts(py::module_& module)
{
    py::object type = py::reinterpret_steal<py::object>(PyType_FromSpec(&ticket_spec));
    if (!type)
        throw py::error_already_set();
    module.attr("Ticket") = type;
    module.def(
      "leaving",
      [](const py::object& method, const py::object& owner) {
          py::tuple pair = py::make_tuple(method, owner);
          py::object made = py::reinterpret_steal<py::object>(PyCFunction_New(&leave_method, pair.ptr()));
          if (!made)
              throw py::error_already_set();
          return made;
      },
      py::arg("method"), py::arg("owner"),
      "method as a callable that Python can't interrupt at its entry: while it raises without having counted "
      "owner.left up, it is called again; then the last such error is raised.");
}

} // namespace grilly
