package fogbank;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.HashMap;
import java.util.Map;

/**
 * The function that a handler's name means: {@code package.Class}, which implements RequestHandler or
 * RequestStreamHandler, or {@code package.Class::method}.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/java-handler.html
 */
final class Handler {
    private static final String CORE = "com.amazonaws.services.lambda.runtime.";
    private final Object target;
    private final Method method;
    private final Type[] types;
    private final Log log;

    private Handler(Object target, Method method, Type[] types, Log log) {
        this.target = target;
        this.method = method;
        this.types = types;
        this.log = log;
    }

    static Handler load(String name, Log log) throws Exception {
        String[] parts = name.split("::", 2);
        Class<?> type;
        try {
            type = Class.forName(parts[0]);
        } catch (ClassNotFoundException error) {
            throw new ClassNotFoundException("Class not found: " + parts[0]);
        }
        return parts.length == 2 ? ofMethod(type, parts[1], log) : ofInterface(type, log);
    }

    private static Handler ofInterface(Class<?> type, Log log) throws Exception {
        Class<?> stream = implemented(type, CORE + "RequestStreamHandler");
        Class<?> plain = implemented(type, CORE + "RequestHandler");
        if (stream == null && plain == null) {
            throw new ClassCastException("Class " + type.getName() + " does not implement an appropriate handler interface");
        }
        Object target = newInstance(type);
        if (stream != null) {
            Method method = stream.getMethods()[0];
            return new Handler(target, method, method.getGenericParameterTypes(), log);
        }
        Type input = argumentOf(type, plain);
        Method method = plain.getMethods()[0];
        return new Handler(target, method, new Type[] {input, method.getGenericParameterTypes()[1]}, log);
    }

    private static Handler ofMethod(Class<?> type, String name, Log log) throws Exception {
        Method best = null;
        for (Method method : type.getMethods()) {
            if (method.getName().equals(name) && !method.isBridge() && isBetter(method, best)) {
                best = method;
            }
        }
        if (best == null) {
            throw new NoSuchMethodException("No public method named " + name
                    + " with appropriate method signature found on class " + type.getName());
        }
        Object target = Modifier.isStatic(best.getModifiers()) ? null : newInstance(type);
        return new Handler(target, best, best.getGenericParameterTypes(), log);
    }

    /** Of several methods with the name, the one that takes the context, then the one that takes the most. */
    private static boolean isBetter(Method method, Method best) {
        if (best == null) {
            return true;
        }
        boolean takes = takesContext(method);
        if (takes != takesContext(best)) {
            return takes;
        }
        return method.getParameterCount() > best.getParameterCount();
    }

    private static boolean takesContext(Method method) {
        Class<?>[] types = method.getParameterTypes();
        return types.length > 0 && types[types.length - 1].getName().equals(CORE + "Context");
    }

    private static Object newInstance(Class<?> type) throws Exception {
        try {
            return type.getConstructor().newInstance();
        } catch (NoSuchMethodException error) {
            throw new NoSuchMethodException("Class " + type.getName() + " has no public zero-argument constructor");
        }
    }

    private static Class<?> implemented(Class<?> type, String name) {
        for (Class<?> at = type; at != null; at = at.getSuperclass()) {
            for (Class<?> each : at.getInterfaces()) {
                if (each.getName().equals(name)) {
                    return each;
                }
                Class<?> found = implemented(each, name);
                if (found != null) {
                    return found;
                }
            }
        }
        return null;
    }

    /** What the class gives for the interface's first type parameter, through whatever it derives from. */
    private static Type argumentOf(Class<?> type, Class<?> wanted) {
        return argumentOf(type, wanted, new HashMap<>());
    }

    private static Type argumentOf(Type type, Class<?> wanted, Map<TypeVariable<?>, Type> bound) {
        Class<?> raw;
        if (type instanceof ParameterizedType) {
            ParameterizedType given = (ParameterizedType) type;
            raw = (Class<?>) given.getRawType();
            TypeVariable<?>[] names = raw.getTypeParameters();
            for (int i = 0; i < names.length; i++) {
                Type argument = given.getActualTypeArguments()[i];
                bound.put(names[i], bound.getOrDefault(argument, argument));
            }
        } else {
            raw = (Class<?>) type;
        }
        if (raw == wanted) {
            return bound.getOrDefault(raw.getTypeParameters()[0], Object.class);
        }
        for (Type parent : raw.getGenericInterfaces()) {
            Type found = argumentOf(parent, wanted, bound);
            if (found != null) {
                return found;
            }
        }
        return raw.getGenericSuperclass() == null ? null : argumentOf(raw.getGenericSuperclass(), wanted, bound);
    }

    byte[] handle(InputStream input, RuntimeClient.Answer invocation) throws Exception {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        Class<?>[] raw = method.getParameterTypes();
        Object[] arguments = new Object[types.length];
        for (int i = 0; i < types.length; i++) {
            if (raw[i].getName().equals(CORE + "Context")) {
                arguments[i] = LambdaContext.of(raw[i], invocation, log);
            } else if (raw[i] == InputStream.class) {
                arguments[i] = input;
            } else if (raw[i] == OutputStream.class) {
                arguments[i] = output;
            } else {
                arguments[i] = Json.read(readAll(input), types[i]);
            }
        }
        method.setAccessible(true);
        Object answer = method.invoke(target, arguments);
        boolean streams = method.getReturnType() == void.class && output.size() > 0;
        return streams ? output.toByteArray() : Json.bytes(answer);
    }

    private static byte[] readAll(InputStream input) throws IOException {
        byte[] bytes = new byte[input.available()];
        int read = input.read(bytes);
        assert read == bytes.length;
        return bytes;
    }
}
