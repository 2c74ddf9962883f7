package fogbank;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Values of JSON to Java types and back: strings, numbers, booleans, enums, arrays, collections, maps, records, and
 * beans with getters and setters or public fields. Names of properties match in any case, as AWS's events need it
 * ({@code Records} is {@code getRecords}); what a type does not have is ignored, and what is null is left out.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/java-handler.html#java-handler-types
 */
final class Mapping {
    private Mapping() {}

    // ---- from JSON

    static Object toJava(Object value, Type type) {
        if (type instanceof ParameterizedType) {
            ParameterizedType given = (ParameterizedType) type;
            return convert(value, (Class<?>) given.getRawType(), given.getActualTypeArguments());
        }
        if (type instanceof GenericArrayType) {
            return arrayOf(value, ((GenericArrayType) type).getGenericComponentType());
        }
        if (type instanceof WildcardType) {
            return toJava(value, ((WildcardType) type).getUpperBounds()[0]);
        }
        return convert(value, type instanceof Class ? (Class<?>) type : Object.class, new Type[0]);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object convert(Object value, Class<?> type, Type[] arguments) {
        if (value == null) {
            return type.isPrimitive() ? Array.get(Array.newInstance(type, 1), 0) : type == Optional.class ? Optional.empty() : null;
        }
        if (type == Object.class) {
            return value;
        }
        if (type == Optional.class) {
            return Optional.of(toJava(value, argument(arguments, 0)));
        }
        if (type == String.class || type == CharSequence.class) {
            if (value instanceof Map || value instanceof List) {
                throw mismatch(value, type);
            }
            return String.valueOf(value);
        }
        if (type == boolean.class || type == Boolean.class) {
            return value instanceof Boolean ? value : Boolean.valueOf(String.valueOf(value));
        }
        if (type == char.class || type == Character.class) {
            return String.valueOf(value).charAt(0);
        }
        if (type.isPrimitive() || Number.class.isAssignableFrom(type)) {
            return number(value, type);
        }
        if (type.isEnum()) {
            return Enum.valueOf((Class<Enum>) type, String.valueOf(value));
        }
        if (type == byte[].class) {
            return Base64.getDecoder().decode(String.valueOf(value));
        }
        if (type == ByteBuffer.class) {
            return ByteBuffer.wrap(Base64.getDecoder().decode(String.valueOf(value)));
        }
        if (type.isArray()) {
            return arrayOf(value, type.getComponentType());
        }
        if (Map.class.isAssignableFrom(type)) {
            return map(value, type, arguments);
        }
        if (Iterable.class.isAssignableFrom(type)) {
            return collection(value, type, arguments);
        }
        if (type == Date.class && value instanceof Number) {
            // AWS's events tell times in seconds, other documents in milliseconds.
            double time = ((Number) value).doubleValue();
            return new Date((long) (time < 1e11 ? time * 1000 : time));
        }
        return value instanceof Map ? bean((Map<?, ?>) value, type) : ofText(value, type);
    }

    private static Type argument(Type[] arguments, int index) {
        return index < arguments.length ? arguments[index] : Object.class;
    }

    private static Object number(Object value, Class<?> type) {
        BigDecimal number;
        try {
            number = new BigDecimal(String.valueOf(value));
        } catch (NumberFormatException error) {
            throw mismatch(value, type);
        }
        if (type == int.class || type == Integer.class) return number.intValue();
        if (type == long.class || type == Long.class) return number.longValue();
        if (type == double.class || type == Double.class) return number.doubleValue();
        if (type == float.class || type == Float.class) return number.floatValue();
        if (type == short.class || type == Short.class) return number.shortValue();
        if (type == byte.class || type == Byte.class) return number.byteValue();
        if (type == BigInteger.class) return number.toBigInteger();
        if (type == BigDecimal.class) return number;
        return value;
    }

    private static Object arrayOf(Object value, Type of) {
        List<?> items = items(value);
        Class<?> raw = of instanceof ParameterizedType ? (Class<?>) ((ParameterizedType) of).getRawType() : (Class<?>) of;
        Object array = Array.newInstance(raw, items.size());
        for (int i = 0; i < items.size(); i++) {
            Array.set(array, i, toJava(items.get(i), of));
        }
        return array;
    }

    @SuppressWarnings("unchecked")
    private static Object map(Object value, Class<?> type, Type[] arguments) {
        if (!(value instanceof Map)) {
            throw mismatch(value, type);
        }
        Map<Object, Object> map;
        if (type.isInterface() || Modifier.isAbstract(type.getModifiers())) {
            map = java.util.SortedMap.class.isAssignableFrom(type) ? new TreeMap<>() : new LinkedHashMap<>();
        } else {
            map = (Map<Object, Object>) make(type);
        }
        for (Map.Entry<?, ?> member : ((Map<?, ?>) value).entrySet()) {
            Object key = arguments.length == 2 ? toJava(member.getKey(), arguments[0]) : member.getKey();
            map.put(key, toJava(member.getValue(), argument(arguments, 1)));
        }
        return map;
    }

    @SuppressWarnings("unchecked")
    private static Object collection(Object value, Class<?> type, Type[] arguments) {
        Collection<Object> found;
        if (type.isInterface() || Modifier.isAbstract(type.getModifiers())) {
            found = Set.class.isAssignableFrom(type) ? new LinkedHashSet<>() : new ArrayList<>();
        } else {
            found = (Collection<Object>) make(type);
        }
        for (Object item : items(value)) {
            found.add(toJava(item, argument(arguments, 0)));
        }
        return found;
    }

    private static List<?> items(Object value) {
        if (!(value instanceof List)) {
            throw mismatch(value, List.class);
        }
        return (List<?>) value;
    }

    private static Object bean(Map<?, ?> members, Class<?> type) {
        Map<String, Object> byName = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        members.forEach((name, value) -> byName.put(String.valueOf(name), value));
        if (isRecord(type)) {
            return record(byName, type);
        }
        Object made = make(type);
        for (Method method : type.getMethods()) {
            String name = method.getName();
            if (name.startsWith("set") && name.length() > 3 && method.getParameterCount() == 1
                    && byName.containsKey(name.substring(3))) {
                call(method, made, toJava(byName.get(name.substring(3)), method.getGenericParameterTypes()[0]));
            }
        }
        for (Field field : type.getFields()) {
            int modifiers = field.getModifiers();
            if (!Modifier.isStatic(modifiers) && !Modifier.isFinal(modifiers) && byName.containsKey(field.getName())) {
                set(field, made, toJava(byName.get(field.getName()), field.getGenericType()));
            }
        }
        return made;
    }

    private static Object ofText(Object value, Class<?> type) {
        String text = String.valueOf(value);
        for (String name : new String[] {"parse", "valueOf", "fromString"}) {
            for (Class<?> parameter : new Class<?>[] {String.class, CharSequence.class}) {
                try {
                    Method method = type.getMethod(name, parameter);
                    if (Modifier.isStatic(method.getModifiers())) {
                        return call(method, null, text);
                    }
                } catch (NoSuchMethodException error) {
                    continue;
                }
            }
        }
        for (Class<?> parameter : new Class<?>[] {String.class, Object.class}) {
            try {
                return type.getConstructor(parameter).newInstance(text);
            } catch (ReflectiveOperationException error) {
                continue;
            }
        }
        throw mismatch(value, type);
    }

    private static IllegalArgumentException mismatch(Object value, Class<?> type) {
        String kind = value instanceof Map ? "object" : value instanceof List ? "array" : value.getClass().getSimpleName();
        return new IllegalArgumentException("An error occurred during JSON parsing: "
                + "cannot deserialize a value of type " + type.getName() + " from a JSON " + kind);
    }

    // ---- records, which Java 8 does not know

    private static boolean isRecord(Class<?> type) {
        return type.getSuperclass() != null && type.getSuperclass().getName().equals("java.lang.Record");
    }

    private static Object[] components(Class<?> type) {
        try {
            return (Object[]) Class.class.getMethod("getRecordComponents").invoke(type);
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Object about(Object component, String question) {
        try {
            return component.getClass().getMethod(question).invoke(component);
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Object record(Map<String, Object> members, Class<?> type) {
        Object[] components = components(type);
        Class<?>[] types = new Class<?>[components.length];
        Object[] values = new Object[components.length];
        for (int i = 0; i < components.length; i++) {
            types[i] = (Class<?>) about(components[i], "getType");
            Object value = members.get((String) about(components[i], "getName"));
            values[i] = toJava(value, (Type) about(components[i], "getGenericType"));
        }
        try {
            Constructor<?> constructor = type.getDeclaredConstructor(types);
            constructor.setAccessible(true);
            return constructor.newInstance(values);
        } catch (ReflectiveOperationException error) {
            throw new IllegalArgumentException("An error occurred during JSON parsing: " + type.getName(), error);
        }
    }

    // ---- to JSON

    static Object toJson(Object value) {
        if (value == null || value instanceof String || value instanceof Boolean) {
            return value;
        }
        if (value instanceof Number) {
            double real = ((Number) value).doubleValue();
            return Double.isNaN(real) || Double.isInfinite(real) ? String.valueOf(value) : value;
        }
        if (value instanceof Map) {
            Map<String, Object> members = new LinkedHashMap<>();
            ((Map<?, ?>) value).forEach((name, member) -> put(members, String.valueOf(name), member));
            return members;
        }
        if (value instanceof byte[]) {
            return Base64.getEncoder().encodeToString((byte[]) value);
        }
        if (value instanceof ByteBuffer) {
            ByteBuffer bytes = ((ByteBuffer) value).duplicate();
            byte[] copy = new byte[bytes.remaining()];
            bytes.get(copy);
            return Base64.getEncoder().encodeToString(copy);
        }
        if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int i = 0; i < Array.getLength(value); i++) {
                items.add(toJson(Array.get(value, i)));
            }
            return items;
        }
        if (value instanceof Iterable) {
            List<Object> items = new ArrayList<>();
            ((Iterable<?>) value).forEach(item -> items.add(toJson(item)));
            return items;
        }
        if (value instanceof Optional) {
            return toJson(((Optional<?>) value).orElse(null));
        }
        if (value instanceof Date) {
            return ((Date) value).getTime();
        }
        String owner = value.getClass().getName();
        if (value instanceof Enum || value instanceof CharSequence || value instanceof Character
                || owner.startsWith("java.") || owner.startsWith("org.joda.")) {
            return String.valueOf(value);
        }
        return members(value);
    }

    /** The properties of a bean or a record. */
    private static Map<String, Object> members(Object value) {
        Map<String, Object> members = new LinkedHashMap<>();
        Class<?> type = value.getClass();
        if (isRecord(type)) {
            for (Object component : components(type)) {
                Object member = call((Method) about(component, "getAccessor"), value);
                put(members, (String) about(component, "getName"), member);
            }
            return members;
        }
        // In the order of the fields, which is the author's; the rest follows.
        Map<String, Method> getters = new TreeMap<>();
        for (Method method : type.getMethods()) {
            String name = propertyOf(method);
            if (name != null) {
                getters.put(name, method);
            }
        }
        List<String> order = new ArrayList<>();
        for (Class<?> at = type; at != null && at != Object.class; at = at.getSuperclass()) {
            for (Field field : at.getDeclaredFields()) {
                order.add(field.getName());
            }
        }
        order.addAll(getters.keySet());
        for (String name : order) {
            Method getter = getters.remove(name);
            if (getter != null) {
                put(members, name, call(getter, value));
            }
        }
        for (Field field : type.getFields()) {
            if (!Modifier.isStatic(field.getModifiers())) {
                put(members, field.getName(), get(field, value));
            }
        }
        return members;
    }

    private static void put(Map<String, Object> members, String name, Object member) {
        if (member != null) {
            members.putIfAbsent(name, toJson(member));
        }
    }

    private static String propertyOf(Method method) {
        String name = method.getName();
        boolean is = name.startsWith("is") && method.getReturnType() == boolean.class;
        int prefix = is ? 2 : name.startsWith("get") ? 3 : 0;
        if (prefix == 0 || name.length() == prefix || method.getParameterCount() > 0
                || Modifier.isStatic(method.getModifiers()) || method.getDeclaringClass() == Object.class
                || method.getReturnType() == void.class) {
            return null;
        }
        // As java.beans has it: what begins with two capitals stays as it is.
        String rest = name.substring(prefix);
        boolean stays = rest.length() > 1 && Character.isUpperCase(rest.charAt(0)) && Character.isUpperCase(rest.charAt(1));
        return stays ? rest : rest.substring(0, 1).toLowerCase(Locale.ROOT) + rest.substring(1);
    }

    // ---- reflection

    private static Object make(Class<?> type) {
        try {
            Constructor<?> constructor = type.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        } catch (ReflectiveOperationException error) {
            throw new IllegalArgumentException(
                    "An error occurred during JSON parsing: " + type.getName() + " has no constructor without arguments", error);
        }
    }

    private static Object call(Method method, Object target, Object... arguments) {
        try {
            method.setAccessible(true);
            return method.invoke(target, arguments);
        } catch (java.lang.reflect.InvocationTargetException error) {
            if (error.getCause() instanceof RuntimeException) {
                throw (RuntimeException) error.getCause();
            }
            throw new IllegalStateException(error.getCause());
        } catch (IllegalAccessException error) {
            throw new IllegalStateException(error);
        }
    }

    private static void set(Field field, Object target, Object value) {
        try {
            field.set(target, value);
        } catch (IllegalAccessException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Object get(Field field, Object target) {
        try {
            return field.get(target);
        } catch (IllegalAccessException error) {
            throw new IllegalStateException(error);
        }
    }
}
